//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package registry

import (
	"context"
	"fmt"
	"runtime"

	"oras.land/oras-go/v2/errdef"
)

// lockLayout refuses: without a lock two writers would lose each other's tags.
func lockLayout(context.Context, string) (func(), error) {
	return nil, fmt.Errorf("%w on %s", errdef.ErrUnsupported, runtime.GOOS)
}
