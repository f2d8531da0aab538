package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// mortal is a store whose writer dies at one of its writes: before or after
// that write took effect. Nothing that it does afterwards takes effect.
type mortal struct {
	registry.Store
	mu     sync.Mutex
	dieAt  int  // number of the write, from 1; 0 is never
	stored bool // the last write takes effect
	// dieAtTag kills it instead at the first tag that begins so.
	dieAtTag string
	writes   []string
}

var errKilled = errors.New("killed")

// write counts a write and says whether it takes effect and is answered.
func (m *mortal) write(what string) (effect, answer bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dieAt > 0 && len(m.writes) >= m.dieAt {
		return false, false
	}
	m.writes = append(m.writes, what)
	if m.dieAtTag != "" && strings.HasPrefix(what, "tag "+m.dieAtTag) {
		m.dieAt = len(m.writes)
	}
	if len(m.writes) == m.dieAt {
		return m.stored, false
	}
	return true, true
}

func (m *mortal) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	_, short, _ := strings.Cut(desc.MediaType, "vnd.")
	return m.do("push "+short, func() error { return m.Store.Push(ctx, desc, r) })
}

func (m *mortal) PushReference(ctx context.Context, desc ocispec.Descriptor, r io.Reader, tag string) error {
	what := "tag " + tag
	if strings.HasSuffix(tag, ".sig") {
		what = "tag of signatures"
	}
	return m.do(what, func() error { return m.Store.PushReference(ctx, desc, r, tag) })
}

func (m *mortal) Untag(ctx context.Context, tag string) error {
	return m.do("untag "+tag, func() error { return m.Store.Untag(ctx, tag) })
}

func (m *mortal) do(what string, write func() error) error {
	effect, answer := m.write(what)
	if effect {
		if err := write(); err != nil {
			return err
		}
	}
	if !answer {
		return errKilled
	}
	return nil
}

// tagWrites are the writes that readers can notice.
func (m *mortal) tagWrites() []string {
	return slices.DeleteFunc(slices.Clone(m.writes), func(s string) bool { return strings.HasPrefix(s, "push ") })
}

// scene is an index with 1.0 live and retired files, about to publish 2.0 and
// to promote it.
func scene(t testing.TB) *world {
	w := newWorld(t)
	w.release(w.demo("0.9"))
	o := w.options(w.demo("1.0"))
	o.Base = publish.BaseNone
	w.publishWith(o)
	w.promote()
	w.wantLive(w.at("3.4-cpu-ubi9"))
	return w
}

func (w *world) next() publish.Options {
	o := w.options(w.demo("2.0"), w.big("1.0"))
	o.Base, o.SignWheels = publish.BaseNone, true
	return o
}

func (w *world) nextPromotion() publish.PromoteOptions {
	o := w.promoteOptions()
	o.Repository = "registry.example/tools/wheels"
	return o
}

func TestOrderOfWrites(t *testing.T) {
	t.Parallel()
	w := scene(t)
	m := &mortal{Store: w.store}
	if err := w.plan(w.next()).Apply(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want := []string{"tag rev.3.4-cpu-ubi9.3", "tag test.3.4-cpu-ubi9"}
	if diff := cmp.Diff(want, m.tagWrites()); diff != "" {
		t.Errorf("publish (-want +got):\n%s", diff)
	}
	if last := m.writes[len(m.writes)-2:]; !cmp.Equal(last, want) {
		t.Errorf("the last writes of publish are %q, want the tags", last)
	}
	m = &mortal{Store: w.store}
	if err := w.planPromotion(w.nextPromotion()).Apply(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want = []string{
		"tag of signatures", "tag of signatures", "tag 3.4-cpu-ubi9.retired",
		"tag rev.3.4-cpu-ubi9.head.3", "tag 3.4-cpu-ubi9.head", "tag 3.4-cpu-ubi9",
	}
	if diff := cmp.Diff(want, m.tagWrites()); diff != "" {
		t.Errorf("promote (-want +got):\n%s", diff)
	}
	if m.writes[len(m.writes)-1] != "tag 3.4-cpu-ubi9" {
		t.Error("the live tag is not the last write")
	}
}

// eachDeath runs act with a writer that dies at its first write, at its second,
// and so on, each with and without effect, until it survives.
func eachDeath(t *testing.T, act func(t *testing.T, w *world, m *mortal) (finished bool)) {
	for _, stored := range []bool{false, true} {
		for n, finished := 1, false; !finished; n++ {
			name := fmt.Sprintf("write %d lost", n)
			if stored {
				name = fmt.Sprintf("write %d stored", n)
			}
			if n > 100 {
				t.Fatal("it never finishes")
			}
			if !t.Run(name, func(t *testing.T) {
				w := scene(t)
				finished = act(t, w, &mortal{Store: w.store, dieAt: n, stored: stored})
			}) {
				return
			}
		}
	}
}

// TestPublisherKilled kills publish at each of its writes. Users see nothing of
// it; the saved plan, run again, ends where it would have; and so does a new
// plan, for whom saved none.
func TestPublisherKilled(t *testing.T) {
	t.Parallel()
	for name, saved := range map[string]bool{"saved plan": true, "new plan": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDeath(t, func(t *testing.T, w *world, m *mortal) bool {
				live := w.at("3.4-cpu-ubi9")
				o := w.next()
				p := w.plan(o)
				err := p.Apply(t.Context(), m)
				if err != nil && !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				w.wantLive(live)
				if saved {
					p = w.savedPlan(p)
				} else if err != nil {
					o.Now = w.tick()
					p = w.planUnlessDone(o)
				}
				if p.Revision.Digest != w.at("test.3.4-cpu-ubi9") {
					if err := p.Apply(t.Context(), w.store); err != nil {
						t.Fatalf("again: %v", err)
					}
				}
				if at := w.at("test.3.4-cpu-ubi9"); at != p.Revision.Digest {
					t.Errorf("the candidate is %s, the plan said %s", at, p.Revision.Digest)
				}
				w.promote()
				w.wantLive(p.Revision.Digest)
				return err == nil
			})
		})
	}
}

// planUnlessDone plans; all may be there already.
func (w *world) planUnlessDone(o publish.Options) *publish.Plan {
	w.Helper()
	p, err := publish.NewPlan(w.Context(), w.store, o)
	if err != nil && !errors.Is(err, publish.ErrNothingToDo) {
		w.Fatal(err)
	}
	return p
}

func (w *world) savedPlan(p *publish.Plan) *publish.Plan {
	w.Helper()
	data, err := p.Encode()
	if err != nil {
		w.Fatal(err)
	}
	p, err = publish.DecodePlan(data)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// TestPromoterKilled kills promote at each of its writes. Readers with a memory
// see what was live or what is to be, whole, and never go back.
func TestPromoterKilled(t *testing.T) {
	t.Parallel()
	for name, saved := range map[string]bool{"saved plan": true, "new plan": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDeath(t, func(t *testing.T, w *world, m *mortal) bool {
				before := w.at("3.4-cpu-ubi9")
				next := w.publishWith(w.next()).Revision.Digest
				o := w.nextPromotion()
				p := w.planPromotion(o)
				err := p.Apply(t.Context(), m)
				if err != nil && !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				w.wantEither(before, next)
				if saved {
					p = w.savedPromotion(p)
				} else if p, err = publish.NewPromotion(t.Context(), w.store, w.nextPromotion()); errors.Is(err, publish.ErrAlreadyLive) {
					w.wantLive(next)
					return m.dieAt > len(m.writes)
				} else if err != nil {
					t.Fatalf("planned again: %v", err)
				}
				if err := p.Apply(t.Context(), w.store); err != nil {
					t.Fatalf("again: %v", err)
				}
				if at := w.at("3.4-cpu-ubi9"); at != next {
					t.Errorf("live is %s, want %s", at, next)
				}
				if at := w.at("3.4-cpu-ubi9.head"); at != p.Head.Manifest.Digest {
					t.Errorf("the head is %s, the plan said %s", at, p.Head.Manifest.Digest)
				}
				w.wantLive(next)
				return m.dieAt > len(m.writes)
			})
		})
	}
}

func (w *world) savedPromotion(p *publish.Promotion) *publish.Promotion {
	w.Helper()
	data, err := p.Encode()
	if err != nil {
		w.Fatal(err)
	}
	p, err = publish.DecodePromotion(data)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) wantEither(before, next digest.Digest) {
	w.Helper()
	r, err := w.live()
	if err != nil {
		w.Fatalf("readers refuse: %v", err)
	}
	if r.Digest != before && r.Digest != next {
		w.Fatalf("readers are at %s, want %s or %s", r.Digest, before, next)
	}
}

// TestRefresherKilled kills a refresh at each of its writes.
func TestRefresherKilled(t *testing.T) {
	t.Parallel()
	eachDeath(t, func(t *testing.T, w *world, m *mortal) bool {
		live := w.at("3.4-cpu-ubi9")
		_, err := publish.Refresh(t.Context(), m, w.refreshOptions())
		if err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		w.wantLive(live)
		w.refresh()
		w.wantLive(live)
		return err == nil
	})
}
