package publish_test

import (
	"errors"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// TestReleaserKilled kills a release at each of its writes. Who follows a head
// sees the old or the new revision of its variant, who follows the release the
// old release whole until the new one is there; a rerun ends at the same.
func TestReleaserKilled(t *testing.T) {
	t.Parallel()
	for name, saved := range map[string]bool{"saved plan": true, "new plan": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, stored := range []bool{false, true} {
				for n, finished := 1, false; !finished; n++ {
					if n > 100 {
						t.Fatal("it never finishes")
					}
					w := newWorld(t)
					finished = w.killedRelease(n, stored, saved)
					if t.Failed() {
						t.Fatalf("write %d, stored %v", n, stored)
					}
				}
			}
		})
	}
}

func (w *world) killedRelease(n int, stored, saved bool) (finished bool) {
	w.Helper()
	names := []index.Name{tools, cuda}
	old, next := map[index.Name]digest.Digest{}, map[index.Name]digest.Digest{}
	for _, x := range names {
		old[x] = w.publishTo(x, "1.0")
	}
	w.releaseAll()
	for _, x := range names {
		next[x] = w.publishTo(x, "2.0")
	}
	m := &mortal{Store: w.store, dieAt: n, stored: stored}
	p := w.planRelease(w.releaseOptions())
	before := w.at("3.4")
	err := p.Apply(w.Context(), m)
	var stopped *publish.StoppedError
	if err != nil && (!errors.Is(err, errKilled) || !errors.As(err, &stopped) || len(stopped.Live)+len(stopped.Waiting) != 2) {
		w.Fatalf("error %v, want one that says how far it came", err)
	}
	w.wantOldOrNew(names, old, next, w.at("3.4") == before)
	if saved {
		if p, err = publish.DecodeRelease(w.encoded(p)); err != nil {
			w.Fatal(err)
		}
	} else if p, err = publish.NewRelease(w.Context(), w.store, w.releaseOptions()); errors.Is(err, publish.ErrAlreadyReleased) {
		w.wantOldOrNew(names, next, next, true)
		return n > len(m.writes)
	} else if err != nil {
		w.Fatalf("planned again: %v", err)
	}
	if err := p.Apply(w.Context(), w.store); err != nil {
		w.Fatalf("again: %v", err)
	}
	if at := w.at("3.4"); at != p.Manifest.Digest {
		w.Errorf("the release is %s, the plan said %s", at, p.Manifest.Digest)
	}
	w.wantOldOrNew(names, next, next, true)
	return n > len(m.writes)
}

func (w *world) encoded(p interface{ Encode() ([]byte, error) }) []byte {
	w.Helper()
	data, err := p.Encode()
	if err != nil {
		w.Fatal(err)
	}
	return data
}

// wantOldOrNew looks at each variant as its followers do.
func (w *world) wantOldOrNew(names []index.Name, old, next map[index.Name]digest.Digest, oldRelease bool) {
	w.Helper()
	for _, x := range names {
		v := &verify.Verifier{Store: w.store, Rules: policy.Trusting(x, 1, w.public("release"), w.public("promote")), Now: w.reader(w.store, 1).Now}
		r, err := v.Live(w.Context(), nil)
		if err != nil {
			w.Fatalf("%s: readers refuse: %v", x, err)
		}
		if r.Digest != old[x] && r.Digest != next[x] {
			w.Errorf("%s: readers are at %s, want %s or %s", x, r.Digest, old[x], next[x])
		}
		if oldRelease {
			w.wantReleased(x, old[x])
		} else {
			w.wantReleased(x, next[x])
		}
	}
}
