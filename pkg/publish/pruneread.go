package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// pruning is what the decision needs.
type pruning struct {
	PruneOptions
	start     map[string]digest.Digest
	history   *History
	always    map[digest.Digest]string    // why these stay
	until     map[digest.Digest]time.Time // when it was live last
	revisions []*revision                 // newest first
	files     []prunedFile
	live      *index.Catalog
	tags      []string // all that exist
	newest    uint64   // serial of candidate or live, whichever is newer
	head      place    // of what the present head says; the zero value for none
}

// revision is what pruning remembers of a catalog: hundreds of whole ones would
// not fit into memory.
type revision struct {
	Point
	issued          time.Time
	catalog         digest.Digest // of its manifest
	listed, retired []int32       // places in pruning.files; listed in order
	why             string        // it stays; "" if it goes
}

func (r *revision) lists(file int32) bool {
	_, found := slices.BinarySearch(r.listed, file)
	return found
}

// prunedFile is a file in one artifact.
type prunedFile struct {
	manifest digest.Digest
	sha256   string
	size     int64
}

// readLive finds out what is live, and what was and until when.
func (x *pruning) readLive() error {
	x.always, x.until = map[digest.Digest]string{}, map[digest.Digest]time.Time{}
	var next time.Time // when the promotion before stopped being in effect
	for _, e := range x.history.Events {
		switch e.Effect {
		case Live:
			x.head = e.place()
			x.always[e.To.Revision] = "the head says that it is live"
			if e.From != nil {
				x.note(e.From.Revision, "live before, to roll back to")
			}
		case Past:
			if !next.IsZero() && next.After(x.until[e.To.Revision]) {
				x.until[e.To.Revision] = next
			}
		case Void:
			continue
		}
		next = e.Issued
	}
	head := x.Name.HeadTag()
	if x.start[head] != "" && x.head == (place{}) {
		return fmt.Errorf("prune: the head of %s (tag %s, %s) cannot be read, so it is not known what is live: %s", x.Name, head, x.start[head], orNobody(x.history.Problems))
	}
	if d := x.start[x.Name.LiveTag()]; d != "" {
		x.always[d] = "live"
	}
	if d := x.start[x.Name.CandidateTag()]; d != "" {
		x.note(d, "candidate")
	}
	return nil
}

// note gives a reason unless there is one.
func (x *pruning) note(d digest.Digest, why string) {
	if x.always[d] == "" {
		x.always[d] = why
	}
}

func (x *pruning) readReleased(ctx context.Context, s Store) error {
	r, _, err := ReadRelease(ctx, s, x.Name.Series)
	if errors.Is(err, errdef.ErrNotFound) && x.start[index.ReleaseTag(x.Name.Series)] == "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("prune: the release of %s cannot be read, so it is not known what it names: %w", x.Name.Series, err)
	}
	if entry, ok := r.Variants[x.Name.Variant]; ok && r.Product == x.Name.Product {
		x.note(entry.Revision, "released")
	}
	return nil
}

// readRevisions loads every revision of the index that has its tag.
func (x *pruning) readRevisions(ctx context.Context, s ListingStore, tags []string, p *PrunePlan) error {
	var mu sync.Mutex
	known := map[prunedFile]int32{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for _, tag := range tags {
		// Heads and retired files are named alike.
		if !strings.HasPrefix(tag, "rev."+x.Name.LiveTag()+".") || strings.HasPrefix(tag, "rev."+x.Name.HeadTag()+".") || strings.HasPrefix(tag, "rev."+x.Name.RetiredTag()+".") {
			continue
		}
		g.Go(func() error {
			v := &verify.Verifier{Store: s, Rules: policy.Trusting(x.Name, 1)}
			l, err := v.Load(gctx, tag)
			var refusal *policy.Refusal
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.As(err, &refusal) && refusal.Code != policy.Unavailable:
				p.Problems = append(p.Problems, fmt.Sprintf("tag %s: %v", tag, err))
			case err != nil:
				return err
			case l.Catalog.Name().RevisionTag(l.Catalog.Serial) != tag:
				p.Problems = append(p.Problems, fmt.Sprintf("tag %s: it holds revision %d of %s", tag, l.Catalog.Serial, l.Catalog.Name()))
			case l.Catalog.Name() == x.Name: // otherwise of one whose name begins alike
				x.add(l, known)
				p.at[tag] = l.Digest
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	slices.Sort(p.Problems)
	slices.SortFunc(x.revisions, func(a, b *revision) int { return cmp.Compare(b.Serial, a.Serial) })
	return nil
}

// add keeps what matters of a revision.
func (x *pruning) add(l *verify.Loaded, known map[prunedFile]int32) {
	c := l.Catalog
	r := &revision{Point: Point{l.Digest, c.Serial}, issued: c.Issued, catalog: l.CatalogEntry.Digest}
	place := func(f *index.File) int32 {
		key := prunedFile{f.Manifest.Digest, f.SHA256, f.Size}
		at, ok := known[key]
		if !ok {
			at = int32(len(x.files))
			known[key] = at
			x.files = append(x.files, key)
		}
		return at
	}
	for _, f := range c.Files {
		r.listed = append(r.listed, place(f))
	}
	slices.Sort(r.listed)
	for i := range c.Retired {
		r.retired = append(r.retired, place(&c.Retired[i].File))
	}
	x.revisions = append(x.revisions, r)
	if l.Digest == x.start[x.Name.LiveTag()] {
		x.live = c
	}
	if l.Digest == x.start[x.Name.LiveTag()] || l.Digest == x.start[x.Name.CandidateTag()] {
		x.newest = max(x.newest, c.Serial)
	}
}
