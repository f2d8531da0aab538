package source_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/shim/source"
	"github.com/pinwheel-oci/pinwheel/test/shimtest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// setting is a publisher, the store that a follower sees, and its state.
type setting struct {
	*shimtest.World
	memory *registry.Memory
	store  *shimtest.Store
	state  string
}

func newSetting(t *testing.T) *setting {
	t.Helper()
	memory := registry.NewMemory()
	return &setting{World: shimtest.New(t, memory, "vendor"), memory: memory, store: shimtest.NewStore(memory), state: t.TempDir()}
}

func (s *setting) follower(t *testing.T, kind policy.Kind, lines ...string) *source.Follower {
	t.Helper()
	file, err := source.OpenState(s.state, shimtest.Name, kind.Stage())
	if err != nil {
		t.Fatal(err)
	}
	return source.NewFollower(source.Options{Verifier: s.Verifier(s.store, lines...), Kind: kind, State: file})
}

func wheelOf(version string) wheeltest.Wheel { return wheeltest.Wheel{Version: version} }

// wantServing compares what is handed out; "" is nothing.
func wantServing(t *testing.T, f *source.Follower, current, previous digest.Digest) {
	t.Helper()
	c, p := f.Revisions()
	var gotCurrent, gotPrevious digest.Digest
	if c != nil {
		gotCurrent = c.Digest
	}
	if p != nil {
		gotPrevious = p.Digest
	}
	if gotCurrent != current || gotPrevious != previous {
		t.Errorf("serving %q after %q, want %q after %q", gotCurrent, gotPrevious, current, previous)
	}
}

func wantCode(t *testing.T, err error, code policy.Code) {
	t.Helper()
	var r *policy.Refusal
	if !errors.As(err, &r) || r.Code != code {
		t.Errorf("error %v, want a refusal with code %s", err, code)
	}
}

func poll(t *testing.T, f *source.Follower) {
	t.Helper()
	if err := f.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestFollowsWhatIsLive(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	f := s.follower(t, policy.Live)
	wantCode(t, f.Poll(t.Context()), policy.HeadMissing)
	wantServing(t, f, "", "")
	one := s.PublishLive(wheelOf("1"))
	poll(t, f)
	wantServing(t, f, one, "")
	two := s.Publish(wheelOf("2"))
	poll(t, f)
	wantServing(t, f, one, "")
	s.Promote()
	poll(t, f)
	wantServing(t, f, two, one)
	status := f.Status()
	if !status.Serving() || status.Serial != 2 || status.Sequence != 2 || status.Code != "" || status.Stale {
		t.Errorf("status %+v", status)
	}
}

func TestFollowsTheCandidate(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	f := s.follower(t, policy.Candidate)
	wantCode(t, f.Poll(t.Context()), policy.CandidateMissing)
	one := s.Publish(wheelOf("1"))
	poll(t, f)
	wantServing(t, f, one, "")
	two := s.Publish(wheelOf("2"))
	poll(t, f)
	wantServing(t, f, two, one)
}

// What cannot be verified changes nothing, and the status says why.
func TestKeepsTheLastGoodRevision(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		spoil func(*testing.T, *setting)
		code  policy.Code
	}{
		"the store is gone": {func(_ *testing.T, s *setting) { s.store.Fail(errors.New("no route to host")) }, policy.Unavailable},
		"another vendor's index stands there": {func(t *testing.T, s *setting) {
			foreign := registry.NewMemory()
			shimtest.New(t, foreign, "mallory").PublishLive(wheelOf("9"))
			s.store.Exchange(foreign)
		}, policy.HeadSignature},
		"the store is empty": {func(_ *testing.T, s *setting) { s.store.Exchange(registry.NewMemory()) }, policy.HeadMissing},
		"the catalog is damaged": {func(t *testing.T, s *setting) {
			d := s.PublishLive(wheelOf("3"))
			s.store.Damage(d, shimtest.WrongByte(100))
		}, policy.WrongDigest},
		"the head went back to an old promotion": {func(t *testing.T, s *setting) {
			old, err := s.memory.Resolve(t.Context(), shimtest.Name.HeadHistoryTag(1))
			if err == nil {
				err = s.memory.Tag(t.Context(), old, shimtest.Name.HeadTag())
			}
			if err != nil {
				t.Fatal(err)
			}
		}, policy.Rollback},
		"the head has expired": {func(_ *testing.T, s *setting) { s.Clock.Add(30 * 24 * time.Hour) }, policy.Expired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSetting(t)
			f := s.follower(t, policy.Live)
			one := s.PublishLive(wheelOf("1"))
			poll(t, f)
			two := s.PublishLive(wheelOf("2"))
			poll(t, f)
			remembered, err := os.ReadFile(filepath.Join(s.state, "tools", "3.4", "cpu-ubi9", "live.json"))
			if err != nil {
				t.Fatal(err)
			}
			row.spoil(t, s)
			wantCode(t, f.Poll(t.Context()), row.code)
			wantServing(t, f, two, one)
			if status := f.Status(); status.Code != row.code || status.Detail == "" || status.Revision != two || !status.Serving() {
				t.Errorf("status %+v", status)
			}
			after, err := os.ReadFile(filepath.Join(s.state, "tools", "3.4", "cpu-ubi9", "live.json"))
			if err != nil || string(after) != string(remembered) {
				t.Errorf("state after the refusal: %s (%v), before: %s", after, err, remembered)
			}
			// A new process must not be shown anything else either.
			wantCode(t, s.follower(t, policy.Live).Poll(t.Context()), row.code)
		})
	}
}

func TestRecovers(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	f := s.follower(t, policy.Live)
	one := s.PublishLive(wheelOf("1"))
	s.store.Fail(errors.New("no route to host"))
	wantCode(t, f.Poll(t.Context()), policy.Unavailable)
	since := f.Status().RefusedSince
	s.Clock.Add(time.Minute)
	wantCode(t, f.Poll(t.Context()), policy.Unavailable)
	if got := f.Status().RefusedSince; !got.Equal(since) || since.IsZero() {
		t.Errorf("refused since %s, want %s", got, since)
	}
	s.store.Fail(nil)
	poll(t, f)
	wantServing(t, f, one, "")
	if status := f.Status(); status.Code != "" || !status.RefusedSince.IsZero() {
		t.Errorf("status %+v", status)
	}
}

// A poll that finds nothing new must not read the catalog again: it may have
// megabytes.
func TestPollOfTheSameRevisionIsCheap(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]policy.Kind{"live": policy.Live, "candidate": policy.Candidate} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSetting(t)
			one := s.PublishLive(wheelOf("1"))
			f := s.follower(t, kind)
			poll(t, f)
			before, _ := f.Revisions()
			opened := s.store.Fetched(one)
			poll(t, f)
			s.Refresh()
			poll(t, f)
			if after, _ := f.Revisions(); after != before {
				t.Error("the same revision is another pointer: its pages are rendered again")
			}
			if s.store.Fetched(one) != opened {
				t.Errorf("the revision was fetched %d times more", s.store.Fetched(one)-opened)
			}
		})
	}
}

func TestRefreshMovesFreshness(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	f := s.follower(t, policy.Live)
	s.PublishLive(wheelOf("1"))
	poll(t, f)
	first := f.Status().StaleAfter
	s.Clock.Add(3 * 24 * time.Hour)
	s.Refresh()
	poll(t, f)
	if got := f.Status().StaleAfter.Sub(first); got < 3*24*time.Hour {
		t.Errorf("fresh for %s longer, want three days", got)
	}
}

func TestStale(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		rule string
		stop bool
	}{"serve": {"onStale: serve", false}, "stop": {"onStale: stop", true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSetting(t)
			f := s.follower(t, policy.Live, row.rule)
			one := s.PublishLive(wheelOf("1"))
			poll(t, f)
			// Expired, but within grace.
			s.Clock.Add(7*24*time.Hour + time.Hour)
			wantCode(t, f.Poll(t.Context()), policy.Expired)
			wantServing(t, f, one, "")
			s.Clock.Add(24 * time.Hour)
			want := one
			if row.stop {
				want = ""
			}
			wantServing(t, f, want, "")
			if status := f.Status(); !status.Stale || status.Stopped != row.stop || status.Serving() == row.stop {
				t.Errorf("status %+v", status)
			}
			s.Refresh()
			poll(t, f)
			wantServing(t, f, one, "")
		})
	}
}

func TestLookIsLimited(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	f := s.follower(t, policy.Live)
	one := s.PublishLive(wheelOf("1"))
	f.Look(t.Context())
	wantServing(t, f, one, "")
	looks := s.store.Looks()
	two := s.PublishLive(wheelOf("2"))
	for range 50 {
		s.Clock.Add(time.Millisecond)
	}
	// Publishing moved the clock by two seconds: one look is due, then none.
	f.Look(t.Context())
	wantServing(t, f, two, one)
	after := s.store.Looks()
	if after == looks {
		t.Error("no look was made")
	}
	for range 50 {
		f.Look(t.Context())
	}
	if got := s.store.Looks(); got != after {
		t.Errorf("%d looks at tags although one was just made", got-after)
	}
}

func TestRunLooksAgainAndAgain(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	file, err := source.OpenState(s.state, shimtest.Name, "live")
	if err != nil {
		t.Fatal(err)
	}
	waits, tick := make(chan time.Duration), make(chan time.Time)
	f := source.NewFollower(source.Options{
		Verifier: s.Verifier(s.store), Kind: policy.Live, State: file, Interval: time.Minute, Random: func() float64 { return 0.5 },
		After: func(d time.Duration) <-chan time.Time { waits <- d; return tick },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	for i, want := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
		if got := <-waits; got != want {
			t.Errorf("wait %d is %s, want %s", i, got, want)
		}
		if i == 2 {
			s.PublishLive(wheelOf("1"))
		}
		tick <- time.Time{}
	}
	if got := <-waits; got != time.Minute {
		t.Errorf("wait is %s while serving, want the interval", got)
	}
	cancel()
	<-done
}
