package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// fault is a way in which one write of a program goes wrong.
type fault struct {
	name    string
	effect  bool // the write takes effect although it is said to have failed
	lasting bool // no later write takes effect either
	reads   bool // and nothing can be read any more
	err     error
	// only is where it is tried besides in memory; "" is everywhere.
	only string
	// coarse: to a writer it is like being killed, so fewer writes will do.
	coarse bool
}

var faults = []fault{
	{name: "failed and not stored", err: errors.New("no such luck"), only: "memory"},
	{name: "failed but stored", effect: true, err: errors.New("no answer"), only: "registry"},
	{name: "killed before", lasting: true, reads: true, err: errKilled, only: "registry"},
	{name: "killed after", effect: true, lasting: true, reads: true, err: errKilled, only: "layout"},
	{name: "disk full", lasting: true, err: &os.PathError{Op: "write", Path: "blobs", Err: syscall.ENOSPC}, only: "layout", coarse: true},
	{name: "credentials expired", lasting: true, reads: true, only: "registry", coarse: true, err: &registry.Error{Op: "push", Where: "registry.example/tools", Kind: registry.ErrUnauthorized}},
}

// faulty is a store with one fault at its nth write.
type faulty struct {
	registry.Store
	fault fault
	at    int // from 1; 0 is never

	mu     sync.Mutex
	writes []string
}

func (s *faulty) write(what string, do func() error) error {
	s.mu.Lock()
	broken := s.fault.lasting && s.at > 0 && len(s.writes) >= s.at
	if !broken {
		s.writes = append(s.writes, what)
	}
	now := s.at > 0 && len(s.writes) == s.at
	s.mu.Unlock()
	if broken || now && !s.fault.effect {
		return s.fault.err
	}
	if err := do(); err != nil || !now {
		return err
	}
	return s.fault.err
}

func (s *faulty) read() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault.reads && s.at > 0 && len(s.writes) >= s.at {
		return s.fault.err
	}
	return nil
}

func (s *faulty) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	return s.write("push", func() error { return s.Store.Push(ctx, desc, r) })
}

func (s *faulty) PushReference(ctx context.Context, desc ocispec.Descriptor, r io.Reader, tag string) error {
	return s.write("tag "+tag, func() error { return s.Store.PushReference(ctx, desc, r, tag) })
}

func (s *faulty) Untag(ctx context.Context, tag string) error {
	return s.write("untag "+tag, func() error { return s.Store.Untag(ctx, tag) })
}

// SwapTag is a write only where it is possible.
func (s *faulty) SwapTag(ctx context.Context, desc ocispec.Descriptor, tag string, from digest.Digest) (at digest.Digest, err error) {
	swapper, ok := s.Store.(registry.TagSwapper)
	if !ok {
		return "", errdef.ErrUnsupported
	}
	if _, err := s.Store.Resolve(ctx, string(desc.Digest)); err != nil {
		return "", err
	}
	err = s.write("tag "+tag, func() error {
		at, err = swapper.SwapTag(ctx, desc, tag, from)
		return err
	})
	return at, err
}

func (s *faulty) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	if err := s.read(); err != nil {
		return ocispec.Descriptor{}, err
	}
	return s.Store.Resolve(ctx, reference)
}

func (s *faulty) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if err := s.read(); err != nil {
		return nil, err
	}
	return s.Store.Fetch(ctx, desc)
}

// job is a saved plan: to be applied, and where it ends.
type job struct {
	apply func(publish.Store) error
	ends  map[string]digest.Digest // tags
}

// jobs plan each kind of write in the scene.
var jobs = map[string]func(w *world, l *publish.Lease) job{
	"publish": func(w *world, l *publish.Lease) job { return w.publication(w.next(), l) },
	"mark": func(w *world, l *publish.Lease) job {
		o := w.options()
		o.Yank, o.Withdraw = marks(w, "crashes", "demo==1.0"), marks(w, "malicious", "demo==0.9")
		o.Status = []publish.StatusMark{{Project: "demo", Status: publish.StatusDeprecated}}
		return w.publication(o, l)
	},
	"promote": func(w *world, l *publish.Lease) job {
		w.publishWith(w.next())
		o := w.nextPromotion()
		o.Writer = "me"
		p := w.savedPromotion(w.planPromotion(o))
		p.Lease = l
		return job{func(s publish.Store) error { return p.Apply(w.Context(), s) }, liveTags(p)}
	},
	"rollback": func(w *world, l *publish.Lease) job {
		o := w.rollbackOptions("1")
		o.Publish.Writer = "me"
		r, err := publish.NewRollback(w.Context(), w.store, o)
		if err != nil {
			w.Fatal(err)
		}
		r = w.savedRollback(r)
		r.Lease = l
		return job{func(s publish.Store) error { return r.Apply(w.Context(), s) }, liveTags(r.Promote)}
	},
	"release": func(w *world, l *publish.Lease) job {
		w.publishWith(w.next())
		w.publishTo(cuda, "1.0")
		o := w.releaseOptions()
		o.Promote.Writer = "me"
		p := w.planRelease(o)
		data, err := p.Encode()
		if err == nil {
			p, err = publish.DecodeRelease(data)
		}
		if err != nil {
			w.Fatal(err)
		}
		p.Lease = l
		ends := map[string]digest.Digest{"3.4": p.Manifest.Digest, "3.4-cuda13.0-ubi9": w.at("test.3.4-cuda13.0-ubi9"), "3.4-cpu-ubi9": w.at("test.3.4-cpu-ubi9")}
		return job{func(s publish.Store) error { return p.Apply(w.Context(), s) }, ends}
	},
}

func (w *world) publication(o publish.Options, l *publish.Lease) job {
	o.Writer = "me"
	p := w.savedPlan(w.plan(o))
	p.Lease = l
	return job{func(s publish.Store) error { return p.Apply(w.Context(), s) }, map[string]digest.Digest{
		"test.3.4-cpu-ubi9": p.Revision.Digest, tools.RevisionTag(p.Serial): p.Revision.Digest, "3.4-cpu-ubi9": w.at("3.4-cpu-ubi9"),
	}}
}

func liveTags(p *publish.Promotion) map[string]digest.Digest {
	return map[string]digest.Digest{
		"3.4-cpu-ubi9": p.Revision.Digest, "test.3.4-cpu-ubi9": p.Revision.Digest, tools.RevisionTag(p.Serial): p.Revision.Digest,
		"3.4-cpu-ubi9.head": p.Head.Manifest.Digest, tools.HeadHistoryTag(p.Sequence): p.Head.Manifest.Digest,
	}
}

// TestFaults drives writes of each job, on each kind of store, through each
// fault. What is there holds together at every moment, readers see what was live
// or what will be, and the plan applied again ends where it said.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"memory", "layout", "registry"} {
		for name, plan := range jobs {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				clean := &faulty{}
				oneFault(t, kind, plan, clean)
				for _, f := range faults {
					if f.only != "" && kind != f.only && kind != "memory" {
						continue
					}
					for _, n := range points(clean.writes, kind == "memory" && !f.coarse) {
						s := &faulty{fault: f, at: n}
						if !t.Run(fmt.Sprintf("%s at write %d of %d", f.name, n, len(clean.writes)), func(t *testing.T) { oneFault(t, kind, plan, s) }) {
							return
						}
					}
				}
			})
		}
	}
}

// points are the writes at which faults are tried: all of them, or one upload and
// the tags that others look at.
func points(writes []string, all bool) (list []int) {
	for i, w := range writes {
		tag, _ := strings.CutPrefix(w, "tag ")
		visible := tag != w && !strings.HasPrefix(tag, "sha256-") && !strings.HasPrefix(tag, "stage.")
		if all || i == 1 || visible && i > len(writes)/3 {
			list = append(list, i+1)
		}
	}
	return list
}

func oneFault(t *testing.T, kind string, plan func(*world, *publish.Lease) job, s *faulty) {
	t.Helper()
	w := newWorld(t)
	l := lease("me")
	l.Wait, l.Patience = time.Millisecond, 0
	switch kind {
	case "memory":
	case "layout":
		w.store = openLayout(t)
		l = nil
	case "registry":
		w.store = stores(t)["registry"]
		l.Wait = 10 * time.Millisecond
	}
	w.small()
	j := plan(w, l)
	before := w.at("3.4-cpu-ubi9")
	w.readersAreServed()
	s.Store = w.store
	if kind == "memory" {
		s.Store = struct{ registry.Store }{w.store} // swaps no tags: like a registry
	}
	err := j.apply(s)
	if err != nil && !errors.Is(err, s.fault.err) && !strings.Contains(err.Error(), s.fault.err.Error()) {
		t.Errorf("error %v, want that of the fault", err)
	}
	w.midway = err != nil
	w.invariants()
	w.midway = false
	if after := j.ends["3.4-cpu-ubi9"]; after != before {
		w.wantEither(before, after)
	}
	if err := j.apply(w.store); err != nil {
		t.Fatalf("applied again: %v", err)
	}
	w.invariants()
	got := map[string]digest.Digest{}
	for tag := range j.ends {
		got[tag] = w.at(tag)
	}
	if diff := cmp.Diff(j.ends, got); diff != "" {
		t.Errorf("tags (-plan +got):\n%s", diff)
	}
	if slices.Contains(w.tags(), leaseTag) {
		t.Error("the lease is still there")
	}
}

// small is an index with 0.9, then 1.0 alone live.
func (w *world) small() {
	w.release(w.demo("0.9"))
	o := w.options(w.demo("1.0"))
	o.Base = publish.BaseNone
	w.publishWith(o)
	w.promote()
}

func openLayout(t *testing.T) registry.Store {
	t.Helper()
	r, err := registry.ParseReference("oci-layout:" + filepath.Join(t.TempDir(), "layout"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := registry.Open(t.Context(), r, registry.Options{CreateLayout: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
