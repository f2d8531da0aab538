package source_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/shim/source"
)

func TestPins(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	one := s.PublishLive(wheelOf("1"))
	two := s.PublishLive(wheelOf("2"))
	candidate := s.Publish(wheelOf("3"))
	pins := source.NewPins(source.PinOptions{Verifier: s.Verifier(s.store)})
	for _, d := range []digest.Digest{one, two} {
		r, err := pins.Get(t.Context(), d)
		if err != nil || r.Digest != d {
			t.Errorf("%s: %v, %v", d, r, err)
		}
	}
	opened := s.store.Fetched(one)
	if _, err := pins.Get(t.Context(), one); err != nil || s.store.Fetched(one) != opened {
		t.Errorf("a loaded pin was fetched again (%v)", err)
	}
	if got := len(pins.Loaded()); got != 2 {
		t.Errorf("%d are loaded, want 2", got)
	}
	// Signed by the vendor, but nothing that was promoted names it.
	_, err := pins.Get(t.Context(), candidate)
	wantCode(t, err, policy.NotNamed)
}

func TestPinThatPolicyNames(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	s.PublishLive(wheelOf("1"))
	candidate := s.Publish(wheelOf("2"))
	pins := source.NewPins(source.PinOptions{Verifier: s.Verifier(s.store, fmt.Sprintf("pins: [%q]", candidate))})
	if _, err := pins.Get(t.Context(), candidate); err != nil {
		t.Error(err)
	}
}

func TestUnknownPinsAreLimited(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	one := s.PublishLive(wheelOf("1"))
	pins := source.NewPins(source.PinOptions{Verifier: s.Verifier(s.store)})
	if _, err := pins.Get(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	refused, busy := 0, 0
	for i := range 100 {
		_, err := pins.Get(t.Context(), digest.FromString(fmt.Sprint(i)))
		if errors.Is(err, source.ErrBusy) {
			busy++
			continue
		}
		wantCode(t, err, policy.NotNamed)
		refused++
	}
	if refused == 0 || refused > 10 || busy == 0 {
		t.Errorf("%d refused and %d put off, want a few and the rest", refused, busy)
	}
	// What is loaded is not put off.
	if _, err := pins.Get(t.Context(), one); err != nil {
		t.Error(err)
	}
	looks := s.store.Looks()
	if _, err := pins.Get(t.Context(), digest.FromString("0")); err == nil || s.store.Looks() != looks {
		t.Errorf("a refusal that is known was looked up again (%v)", err)
	}
	s.Clock.Add(time.Minute)
	_, err := pins.Get(t.Context(), digest.FromString("0"))
	wantCode(t, err, policy.NotNamed)
	if s.store.Looks() == looks {
		t.Error("an old refusal was not looked up again")
	}
}

// A client that makes up digests must not keep others from what was promoted.
func TestNamedPinsAreNotPutOff(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	one := s.PublishLive(wheelOf("1"))
	pins := source.NewPins(source.PinOptions{
		Verifier: s.Verifier(s.store), Named: func(d digest.Digest) bool { return d == one },
	})
	for i := range 50 {
		if _, err := pins.Get(t.Context(), digest.FromString(fmt.Sprint(i))); err == nil {
			t.Fatal("a made-up digest was loaded")
		}
	}
	if _, err := pins.Get(t.Context(), one); err != nil {
		t.Errorf("what was promoted is put off: %v", err)
	}
}

func TestPinsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	var all []digest.Digest
	for i := range 4 {
		all = append(all, s.PublishLive(wheelOf(fmt.Sprint(i+1))))
	}
	pins := source.NewPins(source.PinOptions{Verifier: s.Verifier(s.store), Max: 2})
	for _, d := range all {
		if _, err := pins.Get(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	loaded := pins.Loaded()
	if len(loaded) != 2 || loaded[0].Digest != all[3] || loaded[1].Digest != all[2] {
		t.Errorf("%d are loaded, want the last two", len(loaded))
	}
}

// A loaded pin is verified again after a while: it stays while the store is
// gone, and goes when nothing names it any more.
func TestPinsAreVerifiedAgain(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	one := s.PublishLive(wheelOf("1"))
	pins := source.NewPins(source.PinOptions{Verifier: s.Verifier(s.store), MaxAge: time.Hour})
	first, err := pins.Get(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Add(2 * time.Hour)
	s.store.Fail(errors.New("no route to host"))
	if r, err := pins.Get(t.Context(), one); err != nil || r != first {
		t.Errorf("without a store: %v, %v", r, err)
	}
	s.store.Fail(nil)
	s.Clock.Add(2 * time.Hour)
	if r, err := pins.Get(t.Context(), one); err != nil || r != first {
		t.Errorf("with the same revision: %v, %v", r, err)
	}
	s.Clock.Add(30 * 24 * time.Hour)
	_, err = pins.Get(t.Context(), one)
	wantCode(t, err, policy.Expired)
	if len(pins.Loaded()) != 0 {
		t.Error("a refused pin stays loaded")
	}
}

func TestPinIsVerifiedOnceForMany(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	one := s.PublishLive(wheelOf("1"))
	pins := source.NewPins(source.PinOptions{Verifier: s.Verifier(s.store)})
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := pins.Get(t.Context(), one); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := s.store.Fetched(one); got != 1 {
		t.Errorf("fetched %d times, want once", got)
	}
}
