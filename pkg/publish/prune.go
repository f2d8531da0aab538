package publish

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
)

// PruneOptions say what of an index is kept, besides what is always: what is
// live and was so just before, the candidate and what is newer, and what the
// release names.
type PruneOptions struct {
	Name index.Name
	// OlderThan keeps what was issued or live less than this ago.
	OlderThan time.Duration
	// KeepLast keeps so many of the newest revisions.
	KeepLast int
	// Serials and Revisions are kept; one that does not exist is an error.
	Serials   []uint64
	Revisions []digest.Digest
	// Pins are kept where they exist.
	Pins []digest.Digest
	// KeepHeads keeps the whole history; otherwise the heads of promotions of
	// removed revisions go as well, when they are as old.
	KeepHeads bool
	// Stages removes what writers uploaded in vain, and may still want, too.
	Stages bool
	Now    time.Time
}

// PrunePlan is what would go and what would stay.
type PrunePlan struct {
	Name   string           `json:"name"`
	Keep   []KeptRevision   `json:"keep"`   // newest first
	Remove []PrunedRevision `json:"remove"` // oldest first
	// Heads and Stages are tags of kept heads and of abandoned work that go.
	Heads  []string `json:"heads"`
	Stages []string `json:"stages"`
	// KeptStages are uploads that no kept revision has, which a writer may want
	// to go on with.
	KeptStages []string `json:"kept-stages,omitempty"`
	// Anchor is a tag that is written first, for what live has retired.
	Anchor string `json:"anchor,omitempty"`
	// Problems are tags that look like the index's and are left alone.
	Problems []string `json:"problems,omitempty"`
	// Files and Bytes are those of packages that no kept revision of this index
	// has. Another index in the same place may have them.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Lease is how Apply takes its turn; nil for stores that swap tags.
	Lease *Lease `json:"-"`

	retired Object // what Anchor is for
	name    index.Name
	start   map[string]digest.Digest // where the tags were that decide
	at      map[string]digest.Digest // where the tags were that go
}

// KeptRevision is a revision that stays.
type KeptRevision struct {
	Point
	Issued time.Time `json:"issued"`
	Why    string    `json:"why"`
}

// PrunedRevision is a revision that goes.
type PrunedRevision struct {
	Point
	Issued time.Time `json:"issued"`
	// Until is when it was live last; nil if it never was, as far as is known.
	Until *time.Time `json:"until,omitempty"`
	// Tags that go, in this order.
	Tags []string `json:"tags"`
}

// PrunableStore is a store whose tags can be listed and removed.
type PrunableStore interface {
	ListingStore
	content.Untagger
}

// NewPrune plans what goes. It writes nothing. Nobody's signature is looked at:
// who can write here can remove without asking. What cannot be read is left
// alone; if it is what decides, it is an error.
func NewPrune(ctx context.Context, s ListingStore, o PruneOptions) (*PrunePlan, error) {
	p := &PrunePlan{Name: o.Name.String(), name: o.Name, Keep: []KeptRevision{}, Remove: []PrunedRevision{}, Heads: []string{}, Stages: []string{}, at: map[string]digest.Digest{}}
	var err error
	if p.start, err = decidingTags(ctx, s, o.Name); err != nil {
		return nil, err
	}
	h, err := ReadHistory(ctx, s, HistoryOptions{Name: o.Name, Now: o.Now})
	if err != nil {
		return nil, err
	}
	p.Problems = h.Problems
	x := &pruning{PruneOptions: o, start: p.start, history: h}
	if err := x.readLive(); err != nil {
		return nil, err
	}
	if err := x.readReleased(ctx, s); err != nil {
		return nil, err
	}
	tags, err := tagsWith(ctx, s, "")
	if err != nil {
		return nil, err
	}
	x.tags = tags
	if err := x.readRevisions(ctx, s, tags, p); err != nil {
		return nil, err
	}
	if len(x.revisions) == 0 && x.start[o.Name.LiveTag()] == "" && x.start[o.Name.CandidateTag()] == "" {
		return nil, fmt.Errorf("prune: there is no index %s here: %w", o.Name, errdef.ErrNotFound)
	}
	if err := x.checkKept(); err != nil {
		return nil, err
	}
	x.decide()
	p.divide(x, tags)
	if err := p.anchor(x); err != nil {
		return nil, err
	}
	p.chooseHeads(x)
	return p, p.chooseStages(ctx, s, x, tags)
}

// decidingTags are those that a promotion, a publication or a release moves.
func decidingTags(ctx context.Context, s Store, name index.Name) (map[string]digest.Digest, error) {
	at := map[string]digest.Digest{}
	for _, tag := range []string{name.LiveTag(), name.HeadTag(), name.CandidateTag(), index.ReleaseTag(name.Series)} {
		d, err := resolve(ctx, s, tag)
		if err != nil {
			return nil, err
		}
		at[tag] = d
	}
	return at, nil
}

// checkKept finds mistyped names of what is to be kept.
func (x *pruning) checkKept() error {
	for _, n := range x.Serials {
		if !slices.ContainsFunc(x.revisions, func(r *revision) bool { return r.Serial == n }) {
			return fmt.Errorf("prune: %s has no revision %d to keep: %w", x.Name, n, errdef.ErrNotFound)
		}
	}
	for _, d := range x.Revisions {
		if !slices.ContainsFunc(x.revisions, func(r *revision) bool { return r.Revision == d }) {
			return fmt.Errorf("prune: %s has no revision %s to keep: %w", x.Name, d, errdef.ErrNotFound)
		}
	}
	return nil
}

// why tells why the revision stays, the i-th newest; "" if it goes.
func (x *pruning) why(i int, r *revision) string {
	cutoff := x.Now.Add(-x.OlderThan)
	until, was := x.until[r.Revision]
	switch {
	case x.always[r.Revision] != "":
		return x.always[r.Revision]
	case slices.Contains(x.Serials, r.Serial) || slices.Contains(x.Revisions, r.Revision):
		return "asked for"
	case slices.Contains(x.Pins, r.Revision):
		return "pinned by the policy"
	case r.Serial > x.newest:
		// Its writer may be at work; and its number must not be used again.
		return "newer than the candidate"
	case i < x.KeepLast:
		return fmt.Sprintf("one of the newest %d", x.KeepLast)
	case was && until.After(cutoff):
		return "live until " + until.Format(time.RFC3339)
	case r.issued.After(cutoff):
		return "issued " + r.issued.Format(time.RFC3339)
	}
	return ""
}

// decide gives every revision that stays a reason.
func (x *pruning) decide() {
	anchored := map[int32]bool{}
	keep := func(r *revision, why string) {
		r.why = why
		for _, f := range r.listed {
			anchored[f] = true
		}
		if r.Revision == x.start[x.Name.LiveTag()] || slices.Contains(x.tags, x.Name.RetiredHistoryTag(r.Serial)) {
			// These have a tag of their own, or get one: the tag of what live has
			// retired moves on with live.
			for _, f := range r.retired {
				anchored[f] = true
			}
		}
	}
	for i, r := range x.revisions {
		if why := x.why(i, r); why != "" {
			keep(r, why)
		}
	}
	// What a kept revision has retired is still to be had from it, so a revision
	// that lists it stays; what that one retired in turn is older.
	for i, r := range x.revisions {
		if r.why == "" {
			continue
		}
		for _, f := range r.retired {
			if anchored[f] {
				continue
			}
			if older := slices.IndexFunc(x.revisions[i+1:], func(o *revision) bool { return o.lists(f) }); older >= 0 {
				keep(x.revisions[i+1+older], fmt.Sprintf("has files that revision %d retired", r.Serial))
			}
		}
	}
}

// divide sorts revisions into those that stay and those that go.
func (p *PrunePlan) divide(x *pruning, tags []string) {
	kept, gone := map[string]bool{}, map[string]int64{}
	for _, r := range x.revisions {
		files := slices.Concat(r.listed, r.retired)
		if r.why != "" {
			p.Keep = append(p.Keep, KeptRevision{r.Point, r.issued, r.why})
			for _, f := range files {
				kept[x.files[f].sha256] = true
			}
			continue
		}
		pruned := PrunedRevision{Point: r.Point, Issued: r.issued}
		if until, ok := x.until[r.Revision]; ok {
			pruned.Until = &until
		}
		// The revision's own tag last: by it a rerun finds the others.
		for _, d := range []digest.Digest{r.Revision, r.catalog} {
			if t := sign.SigTag(d); slices.Contains(tags, t) {
				pruned.Tags = append(pruned.Tags, t)
			}
		}
		if t := p.name.RetiredHistoryTag(r.Serial); slices.Contains(tags, t) {
			pruned.Tags = append(pruned.Tags, t)
		}
		pruned.Tags = append(pruned.Tags, p.name.RevisionTag(r.Serial))
		p.Remove = append(p.Remove, pruned)
		for _, f := range files {
			gone[x.files[f].sha256] = x.files[f].size
		}
	}
	slices.Reverse(p.Remove)
	for sha256, size := range gone {
		if !kept[sha256] {
			p.Files++
			p.Bytes += size
		}
	}
}

// anchor gives what live has retired a tag that stays with its revision, before
// the revisions go that list it.
func (p *PrunePlan) anchor(x *pruning) error {
	if x.live == nil || len(p.Remove) == 0 {
		return nil
	}
	data, err := index.BuildRetired(x.live)
	tag := p.name.RetiredHistoryTag(x.live.Serial)
	if err != nil || data == nil || slices.Contains(x.tags, tag) {
		return err
	}
	p.Anchor = tag
	p.retired = newObject(artifact.MediaTypeIndex, data)
	return nil
}

// chooseHeads finds the heads that go: of promotions that were over before the
// cutoff, of revisions that are not kept. Numbers from the present one on stay
// taken in their epoch.
func (p *PrunePlan) chooseHeads(x *pruning) {
	if x.KeepHeads {
		return
	}
	cutoff := x.Now.Add(-x.OlderThan)
	var next time.Time
	for _, e := range x.history.Events {
		over := e.Issued
		if e.Effect != Void {
			over, next = next, e.Issued
		}
		stays := slices.ContainsFunc(p.Keep, func(k KeptRevision) bool { return k.Revision == e.To.Revision })
		if e.Head == "" || e.Epoch == x.head.epoch && e.Sequence >= x.head.sequence || stays || over.After(cutoff) {
			continue
		}
		tag := p.name.HeadHistoryTag(e.Sequence)
		p.Heads = append(p.Heads, tag)
		p.at[tag] = e.Head
	}
	slices.Reverse(p.Heads)
}
