//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package source

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lockTime is how long another process may hold the lock, which it needs for
// one small write.
const lockTime = 5 * time.Second

// lock takes flock(2) on a file beside the state, which is never replaced. It
// ends with the process that holds it.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(err, file.Close())
		}
		// A blocking flock would not see ctx end.
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-time.After(5 * time.Millisecond):
		}
	}
}
