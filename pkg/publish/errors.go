package publish

import (
	"fmt"

	"github.com/opencontainers/go-digest"
)

// ConflictError says that something is not where the plan began: somebody else
// wrote in between. Nothing that users follow was changed.
type ConflictError struct {
	Tag  string
	Want digest.Digest // where the plan began; "" for not existing
	Have digest.Digest
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("tag %s is at %s, but the plan began when it was at %s: somebody else has written; plan again", e.Tag, orNone(e.Have), orNone(e.Want))
}

// Conflict tells programs that somebody else wrote.
func (e *ConflictError) Conflict() bool { return true }

func orNone(d digest.Digest) string {
	if d == "" {
		return "nothing"
	}
	return string(d)
}

// InputError says that what the user gave does not fit the index: a file, an
// option or a saved plan. Nothing was written.
type InputError struct{ reason string }

func (e *InputError) Error() string { return e.reason }

// Input tells programs that the user has to change what was given.
func (e *InputError) Input() bool { return true }

func input(format string, args ...any) error { return &InputError{fmt.Sprintf(format, args...)} }
