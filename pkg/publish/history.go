package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// readsAtOnce is how many heads or revisions are read at a time.
const readsAtOnce = 6

// HistoryOptions say whose history is read.
type HistoryOptions struct {
	Name index.Name
	// Rules say whose signatures count; nil reads without verifying.
	Rules *policy.Index
	Now   time.Time
}

// Effect tells what became of a promotion.
type Effect string

// The effects.
const (
	Live Effect = "live" // the head says so now
	Past Effect = "past" // it was live
	// Void: it was signed and kept, but the head never said so, because its
	// writer was stopped or another one came first.
	Void Effect = "void"
)

// Event is one promotion.
type Event struct {
	Effect   Effect    `json:"effect"`
	Sequence uint64    `json:"sequence"`
	Epoch    uint64    `json:"epoch,omitempty"`
	From     *Point    `json:"from,omitempty"` // what was live before; nil for nothing
	To       Point     `json:"to"`
	Issued   time.Time `json:"issued"`
	By       string    `json:"by,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	// Withdrawn are the files that this promotion was the first to withdraw.
	Withdrawn []index.Withdrawn `json:"withdrawn,omitempty"`
	// Head is the kept head; "" where only a later head tells of the promotion,
	// without who and why.
	Head digest.Digest `json:"head,omitempty"`
	// SignedBy names the keys of the rules; Refused says why the rules do not
	// count the promotion. Both are empty without rules.
	SignedBy []string `json:"signed-by,omitempty"`
	Refused  string   `json:"refused,omitempty"`
	// Doubts are contradictions with other promotions.
	Doubts []string `json:"doubts,omitempty"`

	statement *index.Promotion // nil where only a later head tells
}

// History is what the kept heads of an index tell.
type History struct {
	Name     string  `json:"name"`
	Verified bool    `json:"verified"` // rules were given
	Events   []Event `json:"events"`   // newest first
	// Problems are kept heads that could not be read.
	Problems []string `json:"problems,omitempty"`
}

// ReadHistory reads who moved what, when and why, from what to what, out of the
// heads that are kept. What it cannot read is named in the result; an error
// means that the store did not answer.
func ReadHistory(ctx context.Context, s ListingStore, o HistoryOptions) (*History, error) {
	tags, err := tagsWith(ctx, s, "rev."+o.Name.HeadTag()+".")
	if err != nil {
		return nil, err
	}
	// The head itself last: its own kept copy says the same, but may be gone.
	tags = append(tags, o.Name.HeadTag())
	read := make([]*Event, len(tags))
	problems := make([]string, len(tags))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for i, tag := range tags {
		g.Go(func() error {
			var err error
			read[i], problems[i], err = readEvent(gctx, s, o, tag)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	h := &History{Name: o.Name.String(), Verified: o.Rules != nil, Events: []Event{}}
	for _, p := range problems {
		if p != "" {
			h.Problems = append(h.Problems, p)
		}
	}
	h.arrange(read[:len(read)-1], read[len(read)-1])
	return h, nil
}

func tagsWith(ctx context.Context, s ListingStore, prefix string) ([]string, error) {
	var tags []string
	err := s.Tags(ctx, "", func(page []string) error {
		for _, t := range page {
			if strings.HasPrefix(t, prefix) {
				tags = append(tags, t)
			}
		}
		return nil
	})
	slices.Sort(tags)
	return tags, err
}

// readEvent reads one head. A head that is none, or another's, is a problem and
// no error; one that does not exist is neither.
func readEvent(ctx context.Context, s Store, o HistoryOptions, tag string) (*Event, string, error) {
	desc, err := s.Resolve(ctx, tag)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	bundle, err := firstBundle(ctx, s, desc)
	var broken *brokenError
	if errors.As(err, &broken) {
		return nil, fmt.Sprintf("tag %s: %v", tag, err), nil
	}
	if err != nil {
		return nil, "", err
	}
	p, err := promotionIn(bundle)
	if err != nil {
		return nil, fmt.Sprintf("tag %s: %v", tag, err), nil
	}
	e := &Event{Head: desc.Digest, statement: p}
	if o.Rules != nil {
		if err := e.verify(ctx, s, o, tag); err != nil {
			return nil, "", err
		}
	}
	p = e.statement
	if other, err := index.ParseName(p.Name); err == nil && other != o.Name && tag == other.HeadHistoryTag(p.Sequence) {
		return nil, "", nil // of an index whose name begins alike
	}
	if p.Name != o.Name.String() || tag != o.Name.HeadTag() && tag != o.Name.HeadHistoryTag(p.Sequence) {
		return nil, fmt.Sprintf("tag %s: it holds promotion %d of %s", tag, p.Sequence, p.Name), nil
	}
	e.Sequence, e.Epoch, e.Issued, e.By, e.Reason = p.Sequence, p.Epoch, p.Issued, p.By, p.Reason
	e.To = Point{p.Revision, p.Serial}
	if len(p.Recent) > 0 {
		e.From = &Point{p.Recent[0].Revision, p.Recent[0].Serial}
	}
	return e, "", nil
}

// brokenError says that something is there and not what it should be.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// firstBundle fetches the first signature of a head. All are over one promotion.
func firstBundle(ctx context.Context, s Store, desc ocispec.Descriptor) ([]byte, error) {
	data, err := fetchAll(ctx, s, desc, artifact.MaxManifest)
	if err != nil {
		return nil, err
	}
	m, err := artifact.Decode(data, artifact.TypeHead)
	if err != nil {
		return nil, &brokenError{err}
	}
	l := m.Layers[0]
	data, err = fetchAll(ctx, s, ocispec.Descriptor{MediaType: l.MediaType, Digest: l.Digest, Size: l.Size}, artifact.MaxBundle)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, &brokenError{err}
	}
	return data, err
}

func promotionIn(bundle []byte) (*index.Promotion, error) {
	statement, err := statementOf(bundle)
	if err != nil {
		return nil, err
	}
	p, err := index.DecodePromotion(statement)
	return &p, err
}

// verify asks the rules. Only a store that does not answer is an error.
func (e *Event) verify(ctx context.Context, s Store, o HistoryOptions, tag string) error {
	v := &verify.Verifier{Store: s, Rules: o.Rules, Now: func() time.Time { return o.Now }}
	h, _, err := v.PromotionAt(ctx, tag)
	var refusal *policy.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Code != policy.Unavailable:
		e.Refused = fmt.Sprintf("%s: %s", refusal.Code, refusal.Detail)
		if refusal.Err != nil {
			e.Refused += ": " + refusal.Err.Error()
		}
	case err != nil:
		return err
	default:
		// What was verified, should there be signatures on several.
		e.statement = &h.Promotion
		for _, k := range h.PromotionKeys {
			e.SignedBy = append(e.SignedBy, k.Name)
		}
	}
	return nil
}
