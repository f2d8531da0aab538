package verify_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

func TestMirrorThatCopiedLiveBeforeTheHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	mirror := registry.NewMemory()
	w.mirror(mirror, name.LiveTag())
	w.pass(time.Hour)
	second := w.ship("2.0")
	w.pass(10 * time.Minute)
	w.mirror(mirror, name.HeadTag())

	w.shim().from(mirror).refuses(5, policy.RevisionMissing)
	s := w.shim("maxLag: 1h").from(mirror)
	r := s.serves(first)
	if r.Serial != 1 || s.state.Sequence != 2 || s.state.Serial != 1 {
		t.Errorf("serial %d, remembers %+v", r.Serial, s.state)
	}
	w.pass(50 * time.Minute)
	s.serves(first)
	w.pass(time.Second)
	s.refuses(4, policy.Lag)

	w.mirror(mirror, name.LiveTag())
	s.serves(second)
}

func TestMirrorThatLagsMayNotGoBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	mirror := registry.NewMemory()
	w.mirror(mirror, name.LiveTag())
	w.pass(time.Hour)
	second := w.ship("2.0")
	w.mirror(mirror, name.HeadTag())
	s := w.shim("maxLag: 1d")
	s.serves(second)
	s.from(mirror).refuses(10, policy.Rollback)
	w.shim("maxLag: 1d").from(mirror).serves(first)
}

func TestLiveTagThatNobodyPromoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ship("1.0")
	w.pass(time.Hour)
	w.publish(demo("1.5")...) // serial 2, never promoted
	mirror := registry.NewMemory()
	w.mirror(mirror, name.CandidateTag())
	w.must(mirror.Tag(t.Context(), w.at(name.CandidateTag()), name.LiveTag()))
	w.pass(time.Hour)
	w.ship("2.0")
	w.mirror(mirror, name.HeadTag())
	w.shim("maxLag: 7d").from(mirror).refuses(4, policy.Lag)
}

// platforms are three wheels for different machines and one for all.
func platforms(version string) []wheeltest.Wheel {
	return []wheeltest.Wheel{
		{Version: version, Tags: "cp312-cp312-manylinux_2_28_x86_64"},
		{Version: version, Tags: "cp312-cp312-manylinux_2_28_aarch64"},
		{Name: "pure", Version: version},
	}
}

func TestSubsetMirror(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(platforms("1.0")...)
	w.promoteCandidate()
	w.pass(time.Hour)
	w.publish(platforms("2.0")...)
	second := w.promoteCandidate().Revision.Digest

	tests := []struct {
		name   string
		subset index.Subset
		kept   int
	}{
		{"one platform", index.Subset{Platforms: []string{"linux_x86_64"}}, 4},
		{"newest versions", index.Subset{Newest: 1}, 3},
		{"both", index.Subset{Newest: 1, Platforms: []string{"linux_aarch64"}}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			mirror := w.subsetMirror(test.subset)
			s := w.shim().from(mirror)
			r, err := s.Live(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.Digest != second || r.Subset == nil || r.Next.Revision != second {
				t.Errorf("revision %s, subset %v", r.Digest, r.Subset)
			}
			if n, err := s.Deep(t.Context(), r); err != nil || n != test.kept {
				t.Errorf("opened %d artifacts, want %d: %v", n, test.kept, err)
			}
			if _, err := s.Pinned(t.Context(), second, nil); err != nil {
				t.Errorf("pinned: %v", err)
			}
			first := w.at(name.RevisionTag(1)).Digest
			_, err = s.Pinned(t.Context(), first, nil)
			wantRefusal(t, err, 5, policy.RevisionMissing)
		})
	}
}

// subsetMirror has head, live tag and the children of a subset.
func (w *world) subsetMirror(s index.Subset) *registry.Memory {
	w.t.Helper()
	mirror := registry.NewMemory()
	w.mirror(mirror, name.HeadTag())
	l, err := w.shim().Load(w.t.Context(), name.LiveTag())
	w.must(err)
	s.Revision, s.Name, s.Format = l.Digest, name.String(), 1
	keep := s.Keeps(l.Catalog)
	w.copyBelow(mirror, manifestOf(l.CatalogEntry))
	w.copyBelow(mirror, manifestOf(l.SignatureEntry))
	for _, f := range l.Catalog.Files {
		if keep(f) {
			w.copyBelow(mirror, manifestOf(f.Manifest))
		}
	}
	w.writeSubset(mirror, s)
	return mirror
}

func TestSubsetMirrorWithoutHeadAndByRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(platforms("1.0")...)
	first := w.promoteCandidate().Revision.Digest
	w.writeRelease(1, w.released(1, 1))
	mirror := w.subsetMirror(index.Subset{Platforms: []string{"linux_x86_64"}})
	w.must(mirror.Untag(t.Context(), name.HeadTag()))
	if r := w.shim("freshness: none").from(mirror).serves(first); r.Subset == nil {
		t.Error("not seen to be a subset")
	}
	w.mirror(mirror, name.Series)
	w.shim("freshness: none", "follow: release").from(mirror).serves(first)

	// The release moves on, the subset does not.
	w.pass(time.Hour)
	w.ship("2.0")
	w.writeRelease(2, w.released(2, 2))
	w.mirror(mirror, name.Series)
	w.shim("freshness: none", "follow: release").from(mirror).refuses(4, policy.Lag)
}

func TestSubsetThatLags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(platforms("1.0")...)
	first := w.promoteCandidate().Revision.Digest
	mirror := w.subsetMirror(index.Subset{Newest: 1})
	w.pass(time.Hour)
	w.ship("2.0")
	w.mirror(mirror, name.HeadTag())
	w.shim().from(mirror).refuses(4, policy.Lag) // not even for the second in which it happened
	s := w.shim("maxLag: 1h").from(mirror)
	s.serves(first)
	w.pass(time.Hour + time.Second)
	s.refuses(4, policy.Lag)
}

func TestSubsetsThatLie(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(platforms("1.0")...)
	w.promoteCandidate()
	w.pass(time.Hour)
	w.publish(platforms("2.0")...)
	second := w.promoteCandidate().Revision.Digest
	x86 := index.Subset{Platforms: []string{"linux_x86_64"}}

	t.Run("stores less than it declares", func(t *testing.T) {
		t.Parallel()
		mirror := w.subsetMirror(index.Subset{Newest: 1})
		x86 := x86
		x86.Format, x86.Name, x86.Revision = 1, name.String(), second
		w.declareSubset(mirror, x86)
		w.shim().from(mirror).refuses(12, policy.IndexMismatch)
	})
	t.Run("claims another revision", func(t *testing.T) {
		t.Parallel()
		mirror := w.subsetMirror(x86)
		other := x86
		other.Format, other.Name, other.Revision = 1, name.String(), w.at(name.RevisionTag(1)).Digest
		w.declareSubset(mirror, other)
		w.shim().from(mirror).refuses(12, policy.IndexMismatch)
	})
	t.Run("declares nothing", func(t *testing.T) {
		t.Parallel()
		mirror := w.subsetMirror(x86)
		w.must(mirror.Untag(t.Context(), name.SubsetTag()))
		w.shim().from(mirror).refuses(5, policy.RevisionMissing)
		w.shim("maxLag: 1d").from(mirror).refuses(12, policy.IndexMismatch)
		w.must(mirror.Untag(t.Context(), name.HeadTag()))
		w.shim("freshness: none").from(mirror).refuses(12, policy.IndexMismatch)
	})
	t.Run("is of a revision that nobody promoted", func(t *testing.T) {
		t.Parallel()
		v := newWorld(t)
		v.publish(platforms("1.0")...)
		v.promoteCandidate()
		v.pass(time.Hour)
		v.publish(platforms("2.0")...)
		v.must(v.store.Tag(t.Context(), v.at(name.CandidateTag()), name.LiveTag()))
		mirror := v.subsetMirror(x86)
		v.shim().from(mirror).refuses(4, policy.Lag)
	})
}

func TestAirGappedLayoutAfterTheHeadExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	medium := registry.NewMemory()
	w.mirror(medium, name.LiveTag(), name.HeadTag())
	strict, aged, anyAge := w.shim(), w.shim("freshness: maxAge", "maxAge: 30d", "grace: 2d"), w.shim("freshness: none")
	for _, s := range []*shim{strict, aged, anyAge} {
		s.from(medium).serves(first)
	}
	r := strict.serves(first)
	if want := w.now.Add(week + policy.DefaultGrace); !r.StaleAfter.Equal(want) {
		t.Errorf("stale after %s, want %s", r.StaleAfter, want)
	}
	r = aged.serves(first)
	if want := w.now.Add(32 * 24 * time.Hour); !r.StaleAfter.Equal(want) {
		t.Errorf("stale after %s, want %s", r.StaleAfter, want)
	}
	if r = anyAge.serves(first); !r.StaleAfter.IsZero() {
		t.Errorf("stale after %s, want never", r.StaleAfter)
	}

	w.pass(week)
	strict.refuses(3, policy.Expired)
	_, err := strict.Pinned(t.Context(), first, nil)
	wantRefusal(t, err, 3, policy.Expired)
	aged.serves(first)
	anyAge.serves(first)

	w.pass(23*24*time.Hour + time.Second)
	aged.refuses(13, policy.TooOld)
	anyAge.serves(first)
	if _, err := aged.Pinned(t.Context(), first, nil); err != nil {
		t.Errorf("a pin has no age: %v", err)
	}
}

func TestReleaseStoppedHalfWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	w.writeRelease(1, w.released(1, 1))
	w.pass(time.Hour)
	s := w.shim("follow: release", "freshness: maxAge", "maxAge: 30d")
	s.serves(first)
	if s.state.Sequence != 1 || s.state.Promotion != "" {
		t.Errorf("remembers %+v", s.state)
	}

	// The variant is promoted, but the release is written last.
	second := w.ship("2.0")
	s.serves(first)
	w.shim().serves(second)
	w.writeRelease(2, w.released(2, 2))
	s.serves(second)

	// An old release comes back, or two with one sequence.
	w.writeRelease(1, w.released(1, 1))
	s.refuses(4, policy.Rollback)
	w.pass(time.Hour)
	third := w.publish(demo("3.0")...)
	w.writeRelease(3, w.released(third.Serial, 2))
	s.refuses(4, policy.Equivocation)
	w.writeRelease(4, map[string]index.Released{"other": w.released(2, 2)[name.Variant]})
	s.refuses(1, policy.NotInRelease)

	// Later the reader follows the head: what the release left is a floor.
	w.writeRelease(5, w.released(2, 2))
	s.serves(second)
	live := w.shim()
	live.state = s.state
	live.serves(second)
	if live.state.Promotion == "" || live.state.Sequence != 2 {
		t.Errorf("remembers %+v", live.state)
	}
	// And back again: what the head left is kept.
	s.state = live.state
	s.serves(second)
	if diff := cmp.Diff(live.state, s.state); diff != "" {
		t.Error(diff)
	}
}
