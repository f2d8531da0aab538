package publish

import (
	"context"
	"strconv"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// RollbackOptions are what a rollback is planned from.
type RollbackOptions struct {
	// To is the serial ("17") or the digest of an older revision of the index.
	To string
	// Publish says who signs the new revision and how it is judged; its Name
	// counts for both, its Files and edits must be empty.
	Publish Options
	// Promote says who makes it live.
	Promote PromoteOptions
}

// Rollback is the plan of a new revision with old contents and of its
// promotion. Serials never fall: what was live stays in the history, its files
// are retired, and what was withdrawn stays withdrawn.
type Rollback struct {
	Kind    string     `json:"kind"` // "rollback"
	Promote *Promotion `json:"promote"`
	Publish *Plan      `json:"publish"`
	// Lease is how Apply takes its turn; nil for stores that swap tags.
	Lease *Lease `json:"-"`
}

// NewRollback plans to publish the contents of an older revision again and to
// promote them. Nothing is uploaded but the new catalog. It writes nothing. The
// error matches [ErrNothingToDo] if these contents are live.
func NewRollback(ctx context.Context, s Store, o RollbackOptions) (*Rollback, error) {
	reference, err := o.reference()
	if err != nil {
		return nil, err
	}
	o.Publish.Contents = reference
	r := &Rollback{Kind: "rollback"}
	if r.Publish, err = NewPlan(ctx, s, o.Publish); err != nil {
		return r, err
	}
	// The promotion is planned as if the revision were there already.
	planned := newOverlay(s)
	if err := r.Publish.Apply(ctx, planned); err != nil {
		return r, err
	}
	o.Promote.Name, o.Promote.Revision = o.Publish.Name, ""
	o.Promote.Trusted = append([]dsse.PublicKey(nil), o.Promote.Trusted...)
	for _, k := range o.Publish.Signers {
		o.Promote.Trusted = append(o.Promote.Trusted, k.Public())
	}
	r.Promote, err = NewPromotion(ctx, planned, o.Promote)
	return r, err
}

func (o *RollbackOptions) reference() (string, error) {
	if artifact.CheckDigest(digest.Digest(o.To)) == nil {
		return o.To, nil
	}
	serial, err := strconv.ParseUint(o.To, 10, 53)
	if err != nil || serial == 0 {
		return "", input("rollback to %q: want the serial of a revision or its sha256:<64 hexadecimal digits>", o.To)
	}
	return o.Publish.Name.RevisionTag(serial), nil
}

// Apply writes the revision and promotes it. It can be repeated after any failure
// and ends at the same digests.
func (r *Rollback) Apply(ctx context.Context, s Store) error {
	name, err := index.ParseName(r.Publish.Name)
	if err != nil {
		return err
	}
	t, err := takeTurn(ctx, s, name, r.Lease, r.Publish.Writer)
	if err != nil {
		return err
	}
	defer t.end(ctx)
	if err := r.Publish.apply(ctx, s, name, t); err != nil {
		return err
	}
	return explain(ctx, s, name, r.Promote.apply(ctx, s, name, t))
}

// Encode returns the plan as JSON for a file.
func (r *Rollback) Encode() ([]byte, error) { return encodePlan(r) }

// DecodeRollback reads a saved plan of a rollback.
func DecodeRollback(data []byte) (*Rollback, error) {
	var r Rollback
	if err := decodePlan(data, "rollback", &r); err != nil {
		return nil, err
	}
	if r.Kind != "rollback" || r.Publish == nil || r.Promote == nil {
		return nil, input("plan: not a whole plan of a rollback")
	}
	if r.Publish.Name != r.Promote.Name || r.Publish.Revision.Digest != r.Promote.Revision.Digest {
		return nil, input("plan: what it publishes is not what it promotes; plans must not be edited: plan again")
	}
	r.Publish.Again = true
	if err := r.Publish.check(); err != nil {
		return nil, err
	}
	return &r, r.Promote.checkSaved()
}
