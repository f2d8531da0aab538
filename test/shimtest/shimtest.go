// Package shimtest publishes small signed indexes for tests of what reads them:
// real wheels, real signatures and heads, in whatever store the test has.
package shimtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
	"github.com/pinwheel-oci/pinwheel/test/signtest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// Name is the index that a World has.
var Name = index.Name{Product: "tools", Series: "3.4", Variant: "cpu-ubi9"}

// Clock is a clock that tests move.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// World is a publisher with one key for everything and a store to write to.
type World struct {
	t      testing.TB
	Store  publish.Store
	Clock  *Clock
	dir    string
	signer sign.Signer
	public dsse.PublicKey
	pem    string
}

// New makes a World that signs with the test key of that name.
func New(t testing.TB, store publish.Store, key string) *World {
	t.Helper()
	signer, public, _, pem := signtest.Key(t, key)
	return &World{
		t: t, Store: store, Clock: &Clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
		dir: t.TempDir(), signer: signer, public: public, pem: string(pem),
	}
}

// Policy is the file of a policy that trusts the World's key with everything.
// lines are further members of the index, such as "onStale: stop".
func (w *World) Policy(lines ...string) []byte {
	text := fmt.Sprintf("version: 1\nkeys:\n  k: {pem: %q, roles: [release, promote, refresh]}\nindexes:\n- name: %s\n", w.pem, Name)
	for _, l := range lines {
		text += "  " + l + "\n"
	}
	return []byte(text)
}

// Rules are those of that policy.
func (w *World) Rules(lines ...string) *policy.Index {
	w.t.Helper()
	p, err := policy.Parse(w.Policy(lines...), os.ReadFile)
	if err != nil {
		w.t.Fatal(err)
	}
	return p.Indexes[Name]
}

// Verifier verifies by those rules what a store has.
func (w *World) Verifier(store verify.Store, lines ...string) *verify.Verifier {
	w.t.Helper()
	return &verify.Verifier{Store: store, Rules: w.Rules(lines...), Now: w.Clock.Now}
}

// Publish adds wheels to the newest revision and makes the result the candidate.
func (w *World) Publish(wheels ...wheeltest.Wheel) digest.Digest {
	w.t.Helper()
	return w.publish(publish.BaseNewest, wheels)
}

// Replace publishes a revision with these wheels only: what else is live becomes
// retired.
func (w *World) Replace(wheels ...wheeltest.Wheel) digest.Digest {
	w.t.Helper()
	return w.publish(publish.BaseNone, wheels)
}

func (w *World) publish(base publish.Base, wheels []wheeltest.Wheel) digest.Digest {
	w.t.Helper()
	w.Clock.Add(time.Second)
	o := publish.Options{Name: Name, Base: base, Signers: []sign.Signer{w.signer}, Now: w.Clock.Now(), AllowLarge: true}
	for _, one := range wheels {
		path := wheeltest.Write(w.t, w.dir, one)
		o.Files = append(o.Files, publish.Candidate{Path: path, Info: w.inspect(path)})
	}
	plan, err := publish.NewPlan(w.t.Context(), w.Store, o)
	if err == nil {
		err = plan.Apply(w.t.Context(), w.Store)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return plan.Revision.Digest
}

func (w *World) inspect(path string) *wheel.Info {
	w.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := wheel.Inspect(w.t.Context(), bytes.NewReader(data), int64(len(data)), filepath.Base(path), wheel.Limits{}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return info
}

// Promote makes the candidate live.
func (w *World) Promote() {
	w.t.Helper()
	w.Clock.Add(time.Second)
	p, err := publish.NewPromotion(w.t.Context(), w.Store, publish.PromoteOptions{
		AllowUngated: true,
		Name:         Name, By: "test", Reason: "test", Signers: []sign.Signer{w.signer}, Now: w.Clock.Now(),
	})
	if err == nil {
		err = p.Apply(w.t.Context(), w.Store)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// PublishLive publishes and promotes.
func (w *World) PublishLive(wheels ...wheeltest.Wheel) digest.Digest {
	w.t.Helper()
	d := w.Publish(wheels...)
	w.Promote()
	return d
}

// Refresh renews the head for a week.
func (w *World) Refresh() {
	w.t.Helper()
	w.Clock.Add(time.Second)
	_, err := publish.Refresh(w.t.Context(), w.Store, publish.RefreshOptions{Name: Name, Signer: w.signer, Now: w.Clock.Now()})
	if err != nil {
		w.t.Fatal(err)
	}
}
