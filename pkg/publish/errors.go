package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// ConflictError says that something is not where the plan began: somebody else
// wrote in between. Nothing that users follow was changed.
type ConflictError struct {
	Tag  string
	Want digest.Digest // where the plan began; "" for not existing
	Have digest.Digest
	// Serial and Issued are those of the revision that won, if it is one.
	Serial uint64
	Issued time.Time
	// Stage is the tag that keeps what was uploaded, if there is one.
	Stage string
}

func (e *ConflictError) Error() string {
	won, kept := "", ""
	if e.Serial > 0 {
		won = fmt.Sprintf(" (revision %d of %s)", e.Serial, e.Issued.Format(time.RFC3339))
	}
	if e.Stage != "" {
		kept = fmt.Sprintf("; what was uploaded is kept under tag %s and will not be sent again", e.Stage)
	}
	return fmt.Sprintf("tag %s is at %s%s, but the plan began when it was at %s: somebody else has written%s; plan again: run the command again, with a new file if --plan was given", e.Tag, orNone(e.Have), won, orNone(e.Want), kept)
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

// explain adds to a conflict which revision won, whoever signed it.
func explain(ctx context.Context, s Store, name index.Name, err error) error {
	var conflict *ConflictError
	if !errors.As(err, &conflict) || conflict.Have == "" {
		return err
	}
	v := &verify.Verifier{Store: s, Rules: policy.Trusting(name, 1)}
	if l, bad := v.Load(ctx, string(conflict.Have)); bad == nil {
		conflict.Serial, conflict.Issued = l.Catalog.Serial, l.Catalog.Issued
	}
	return err
}
