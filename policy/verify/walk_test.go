package verify_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/policy"
)

func TestFirstPublishAndFirstPromotionByAFreshShim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.shim()
	s.refuses(1, policy.HeadMissing)

	first := w.publish(demo("1.0")...).Revision.Digest
	s.refuses(1, policy.HeadMissing) // a candidate is not live

	w.pass(time.Hour)
	w.promoteCandidate()
	r := s.serves(first)
	if diff := cmp.Diff([]string{"demo-1.0-py3-none-any.whl"}, filenames(r)); diff != "" {
		t.Error(diff)
	}
	if want := w.now.Add(week + 24*time.Hour); !r.StaleAfter.Equal(want) {
		t.Errorf("stale after %s, want expiry and grace: %s", r.StaleAfter, want)
	}
	if s.state.Serial != 1 || s.state.Sequence != 1 || s.state.Counter != 1 || s.state.Revision != first || s.state.Stage != "live" {
		t.Errorf("remembers %+v", s.state)
	}
	s.serves(first) // and again, with its state
}

func TestPromotionKilledHalfWay(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, tag string
		skip      int
		isLive    bool // the new revision, after the death
	}{
		{"before the first .sig", "sha256-", 0, false},
		{"between the .sig tags", "sha256-", 1, false},
		{"after .sig, before retired", name.RetiredTag(), 0, false},
		{"after retired, before the kept head", "rev.", 0, false},
		{"after the kept head, before the head", name.HeadTag(), 0, false},
		{"after the head, before the live tag", "3.4-", 2, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first := w.ship("1.0")
			s := w.shim()
			s.serves(first)

			w.pass(time.Hour)
			// Without 1.0, so that there is a retired index too.
			second := w.publishOn(publish.BaseNone, nil, demo("2.0")...).Revision.Digest
			w.pass(time.Minute)
			p := w.plan()
			if err := p.Apply(t.Context(), &dying{w.store, test.tag, test.skip}); !errors.Is(err, errDied) {
				t.Fatalf("got %v, want the death of the writer", err)
			}
			want := first
			if test.isLive {
				// The head decides; the live tag is for tools.
				want = second
			}
			s.serves(want)
			w.shim().serves(want)

			w.must(p.Apply(t.Context(), w.store))
			s.serves(second)
			fresh := w.shim()
			if n, err := fresh.Deep(t.Context(), fresh.serves(second)); err != nil || n != 2 {
				t.Errorf("deep: %d artifacts, %v", n, err)
			}
		})
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	s := w.shim()
	s.serves(first)
	old := registry.NewMemory()
	w.mirror(old, name.LiveTag(), name.HeadTag())

	w.pass(6 * 24 * time.Hour)
	w.refreshHead()
	s.serves(first)
	if s.state.Counter != 2 || s.state.Sequence != 1 {
		t.Errorf("remembers %+v", s.state)
	}
	s.from(old).refuses(4, policy.Rollback) // not expired, but older than what was seen

	w.pass(week)
	s.from(w.store).refuses(3, policy.Expired)
	w.refreshHead()
	s.serves(first)
}

func TestRollback(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	before := registry.NewMemory()
	w.mirror(before, name.LiveTag(), name.HeadTag())
	s := w.shim()
	s.serves(first)

	w.pass(time.Hour)
	s.serves(w.ship("2.0"))

	// A vendor rolls back by a new revision with the old contents.
	w.pass(time.Hour)
	third := w.publishOn(publish.BaseNone, nil, demo("1.0")...)
	w.promoteCandidate()
	r := s.serves(third.Revision.Digest)
	if diff := cmp.Diff([]string{"demo-1.0-py3-none-any.whl"}, filenames(r)); diff != "" || third.Serial != 3 {
		t.Errorf("serial %d: %s", third.Serial, diff)
	}
	if len(r.Catalog.Retired) != 1 || r.Catalog.Retired[0].File.Version != "2.0" {
		t.Errorf("retired %+v", r.Catalog.Retired)
	}

	// An attacker replays the old head; a pinned request has no rollback check.
	s.from(before).refuses(4, policy.Rollback)
	if _, err := s.Pinned(t.Context(), first, s.state); err != nil {
		t.Error(err)
	}
}

func TestRollbackWithoutAHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	old := registry.NewMemory()
	w.mirror(old, name.LiveTag()) // the attacker leaves the head out
	w.pass(time.Hour)
	second := w.ship("2.0")

	s := w.shim("freshness: none")
	w.shim("freshness: none").from(old).serves(first)
	s.serves(second)
	s.from(old).refuses(10, policy.Rollback)

	// Taking the head away does not make an older one acceptable later.
	bare := registry.NewMemory()
	w.mirror(bare, name.LiveTag())
	r := s.from(bare).serves(second)
	if len(r.Warnings) != 1 || s.state.Sequence != 2 || s.state.Promotion == "" {
		t.Errorf("warnings %q, remembers %+v", r.Warnings, s.state)
	}
	w.mirror(bare, name.HeadHistoryTag(1))
	w.must(bare.Tag(t.Context(), w.at(name.HeadHistoryTag(1)), name.HeadTag()))
	s.refuses(4, policy.Rollback)
}

func TestCandidate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.shim()
	_, err := s.Candidate(t.Context(), nil)
	wantRefusal(t, err, 1, policy.CandidateMissing)

	first := w.ship("1.0")
	live := s.serves(first)
	w.pass(time.Hour)
	second := w.publish(demo("2.0")...).Revision.Digest
	c, err := s.Candidate(t.Context(), nil)
	w.must(err)
	if c.Digest != second || c.Head != nil || !c.StaleAfter.IsZero() || c.Next.Stage != "candidate" {
		t.Errorf("candidate %s, head %v, stale after %s, state %+v", c.Digest, c.Head, c.StaleAfter, c.Next)
	}
	s.serves(first) // live does not follow

	// It has a state of its own: the serial of live says nothing, its own does.
	behind := w.shim()
	_, err = behind.Candidate(t.Context(), live.Next)
	w.must(err)
	old := registry.NewMemory()
	w.mirror(old, name.RevisionTag(1))
	w.must(old.Tag(t.Context(), w.at(name.RevisionTag(1)), name.CandidateTag()))
	_, err = behind.from(old).Candidate(t.Context(), c.Next)
	wantRefusal(t, err, 10, policy.Rollback)

	// No head, so no expiry either.
	w.pass(52 * week)
	_, err = s.Candidate(t.Context(), c.Next)
	w.must(err)
}

func TestPinnedRoots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	w.pass(time.Hour)
	unpromoted := w.publish(demo("1.5")...).Revision.Digest
	w.pass(time.Hour)
	third := w.ship("2.0")

	s := w.shim("minSerial: 3")
	s.serves(third)
	state := *s.state
	r, err := s.Pinned(t.Context(), first, s.state)
	w.must(err)
	if r.Digest != first || r.Next != nil || r.Serial != 1 {
		t.Errorf("revision %s, serial %d, state %v", r.Digest, r.Serial, r.Next)
	}
	_, err = s.Pinned(t.Context(), third, s.state)
	w.must(err)
	_, err = s.Pinned(t.Context(), unpromoted, s.state)
	wantRefusal(t, err, 1, policy.NotNamed)
	_, err = s.Pinned(t.Context(), "sha256:short", s.state)
	wantRefusal(t, err, 1, policy.Malformed)
	if diff := cmp.Diff(state, *s.state); diff != "" {
		t.Errorf("a pinned request changed the state: %s", diff)
	}

	// The policy may name it instead, with no head at all.
	bare := registry.NewMemory()
	w.mirror(bare, name.RevisionTag(2))
	_, err = w.shim("pins: ["+string(unpromoted)+"]").from(bare).Pinned(t.Context(), unpromoted, nil)
	w.must(err)
	_, err = w.shim().from(bare).Pinned(t.Context(), unpromoted, nil)
	wantRefusal(t, err, 1, policy.NotNamed)
}

func TestPinnedByARelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	w.writeRelease(1, w.released(1, 1))
	bare := registry.NewMemory()
	w.mirror(bare, name.LiveTag(), name.Series)
	s := w.shim("freshness: none").from(bare)
	r, err := s.Pinned(t.Context(), first, nil)
	w.must(err)
	if r.Released == nil || r.Serial != 1 {
		t.Errorf("released %v, serial %d", r.Released, r.Serial)
	}
}

func TestOlderThanRecentIsNotNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	w.pass(100 * time.Hour)
	w.ship("2.0")
	h := w.head()
	h.Promotion.Sequence = 100
	h.Promotion.Recent = nil
	for i := range index.MaxRecent {
		until := w.now.Add(-time.Duration(i) * time.Minute)
		h.Promotion.Recent = append(h.Promotion.Recent, index.Recent{
			From: until.Add(-time.Minute), Until: until, Revision: digest.FromString(strconv.Itoa(i)), Sequence: uint64(99 - i), Serial: 1,
		})
	}
	w.writeHead(w.store, h)
	_, err := w.shim().Pinned(t.Context(), first, nil)
	wantRefusal(t, err, 1, policy.NotNamed)
}
