package source_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/shim/source"
	"github.com/pinwheel-oci/pinwheel/test/shimtest"
)

func TestNothingIsServedThatCannotBeRemembered(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	f := s.follower(t, policy.Live)
	one := s.PublishLive(wheelOf("1"))
	poll(t, f)
	path := filepath.Join(s.state, "tools", "3.4", "cpu-ubi9", "live.json")
	// A directory where the new state is to be written, as full disks cannot be
	// had in a test.
	if err := os.MkdirAll(filepath.Join(path+".new", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	two := s.PublishLive(wheelOf("2"))
	wantCode(t, f.Poll(t.Context()), source.StateFailed)
	wantServing(t, f, one, "")
	if err := os.RemoveAll(path + ".new"); err != nil {
		t.Fatal(err)
	}
	poll(t, f)
	wantServing(t, f, two, one)
}

func TestDamagedState(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	f := s.follower(t, policy.Live)
	one := s.PublishLive(wheelOf("1"))
	poll(t, f)
	path := filepath.Join(s.state, "tools", "3.4", "cpu-ubi9", "live.json")
	if err := os.WriteFile(path, []byte(`{"serial":1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	s.PublishLive(wheelOf("2"))
	wantCode(t, f.Poll(t.Context()), source.StateDamaged)
	wantServing(t, f, one, "")
	_, err := source.OpenState(s.state, shimtest.Name, "live")
	var damaged *source.DamagedStateError
	if !errors.As(err, &damaged) || damaged.Path != path {
		t.Errorf("opening a damaged state: %v, want an error that names %s", err, path)
	}
}

// A second process with the same state directory knows what the first has seen.
func TestStateIsSharedBetweenProcesses(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	first, second := s.follower(t, policy.Live), s.follower(t, policy.Live)
	s.PublishLive(wheelOf("1"))
	poll(t, first)
	poll(t, second)
	two := s.PublishLive(wheelOf("2"))
	poll(t, first)
	old, err := s.memory.Resolve(t.Context(), shimtest.Name.HeadHistoryTag(1))
	if err == nil {
		err = s.memory.Tag(t.Context(), old, shimtest.Name.HeadTag())
	}
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, second.Poll(t.Context()), policy.Rollback)
	wantCode(t, s.follower(t, policy.Live).Poll(t.Context()), policy.Rollback)
	current, _ := first.Revisions()
	if current.Digest != two {
		t.Errorf("first serves %s, want %s", current.Digest, two)
	}
}

func TestStateThatWasRemovedIsWrittenAgain(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	f := s.follower(t, policy.Live)
	s.PublishLive(wheelOf("1"))
	s.PublishLive(wheelOf("2"))
	poll(t, f)
	path := filepath.Join(s.state, "tools", "3.4", "cpu-ubi9", "live.json")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	poll(t, f)
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// Hiding the head must not make anyone forget the highest sequence seen.
func TestHiddenHeadDoesNotLowerTheSequence(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	f := s.follower(t, policy.Live, "freshness: none")
	s.PublishLive(wheelOf("1"))
	s.PublishLive(wheelOf("2"))
	poll(t, f)
	old, err := s.memory.Resolve(t.Context(), shimtest.Name.HeadHistoryTag(1))
	if err == nil {
		err = s.memory.Untag(t.Context(), shimtest.Name.HeadTag())
	}
	if err != nil {
		t.Fatal(err)
	}
	poll(t, f)
	if got := f.State().Sequence; got != 2 {
		t.Errorf("sequence %d is remembered, want 2", got)
	}
	if err := s.memory.Tag(t.Context(), old, shimtest.Name.HeadTag()); err != nil {
		t.Fatal(err)
	}
	wantCode(t, f.Poll(t.Context()), policy.Rollback)
}
