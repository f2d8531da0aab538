package cli

import (
	"context"
	"os"

	"golang.org/x/term"

	"github.com/pinwheel-oci/pinwheel/pkg/sign"
)

// passwords returns a reader of passwords that gives up when ctx ends; the
// terminal then shows again what is typed.
func passwords(ctx context.Context, in *os.File, source sign.PasswordSource) func() ([]byte, error) {
	return func() ([]byte, error) {
		var shown *term.State
		if in != nil {
			shown, _ = term.GetState(int(in.Fd())) // an error: in is no terminal
		}
		type result struct {
			password []byte
			err      error
		}
		done := make(chan result, 1)
		go func() {
			password, err := source.Read()
			done <- result{password, err}
		}()
		select {
		case r := <-done:
			return r.password, r.err
		case <-ctx.Done():
			if shown != nil {
				_ = term.Restore(int(in.Fd()), shown)
			}
			return nil, ctx.Err()
		}
	}
}
