//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package registry

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lockLayout takes the lock of a layout: flock(2) on its file oci-layout, which
// is written once and never replaced, so there is no file of our own in the
// layout. The lock ends with the process that holds it.
func lockLayout(ctx context.Context, path string) (unlock func(), err error) {
	// For writing, since NFS gives exclusive locks only then.
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = file.Close()
			return nil, err
		}
		// Held for one small write. A blocking call would not see ctx end.
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			_ = file.Close()
			return nil, err
		}
	}
}
