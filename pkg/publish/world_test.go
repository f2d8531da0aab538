package publish_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
	"github.com/pinwheel-oci/pinwheel/test/signtest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

var tools = index.Name{Product: "tools", Series: "3.4", Variant: "cpu-ubi9"}

// world is one index with its writer, whose keys have one role each, and its
// reader, who knows these roles. Its clock goes on a minute with every command.
type world struct {
	testing.TB
	store registry.Store
	dir   string
	now   time.Time
	state *policy.State
	host  string // of the registry, if the store is in one
	// midway is true while a promotion is stopped between its writes.
	midway bool
}

func newWorld(t testing.TB) *world {
	return &world{TB: t, store: registry.NewMemory(), dir: t.TempDir(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

func (w *world) tick() time.Time {
	w.now = w.now.Add(time.Minute)
	return w.now
}

func (w *world) key(name string) sign.Signer {
	s, _, _, _ := signtest.ECDSA(w, name)
	return s
}

func (w *world) public(name string) dsse.PublicKey { return w.key(name).Public() }

// file is a wheel on disk, as the command line hands it to the planner.
func (w *world) file(x wheeltest.Wheel) publish.Candidate {
	w.Helper()
	return w.inspect(wheeltest.Write(w, w.dir, x))
}

func (w *world) inspect(path string) publish.Candidate {
	w.Helper()
	f, err := os.Open(path)
	if err != nil {
		w.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		w.Fatal(err)
	}
	info, err := wheel.Inspect(w.Context(), f, st.Size(), filepath.Base(path), wheel.Limits{}, nil)
	if err != nil {
		w.Fatal(err)
	}
	return publish.Candidate{Path: path, Info: info}
}

// demo is demo-VERSION-py3-none-any.whl.
func (w *world) demo(version string) publish.Candidate {
	w.Helper()
	return w.file(wheeltest.Wheel{Name: "demo", Version: version})
}

func (w *world) options(files ...publish.Candidate) publish.Options {
	return publish.Options{Name: tools, Files: files, Signers: []sign.Signer{w.key("release")}, Now: w.tick()}
}

func (w *world) plan(o publish.Options) *publish.Plan {
	w.Helper()
	p, err := publish.NewPlan(w.Context(), w.store, o)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// publish plans and applies.
func (w *world) publish(files ...publish.Candidate) *publish.Plan {
	w.Helper()
	return w.publishWith(w.options(files...))
}

func (w *world) publishWith(o publish.Options) *publish.Plan {
	w.Helper()
	p := w.plan(o)
	if err := p.Apply(w.Context(), w.store); err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) promoteOptions() publish.PromoteOptions {
	return publish.PromoteOptions{
		AllowUngated: true,
		Name:         tools, By: "builder", Reason: "tests passed", Signers: []sign.Signer{w.key("promote")},
		Trusted: []dsse.PublicKey{w.public("release")}, Now: w.tick(),
	}
}

func (w *world) planPromotion(o publish.PromoteOptions) *publish.Promotion {
	w.Helper()
	p, err := publish.NewPromotion(w.Context(), w.store, o)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) promote() *publish.Promotion {
	w.Helper()
	p := w.planPromotion(w.promoteOptions())
	if err := p.Apply(w.Context(), w.store); err != nil {
		w.Fatal(err)
	}
	return p
}

// release publishes and promotes.
func (w *world) release(files ...publish.Candidate) digest.Digest {
	w.Helper()
	w.publish(files...)
	return w.promote().Revision.Digest
}

func (w *world) at(tag string) digest.Digest {
	w.Helper()
	desc, err := w.store.Resolve(w.Context(), tag)
	if err != nil {
		return ""
	}
	return desc.Digest
}

func (w *world) tags() []string {
	w.Helper()
	tags := []string{}
	if err := w.store.Tags(w.Context(), "", func(page []string) error { tags = append(tags, page...); return nil }); err != nil {
		w.Fatal(err)
	}
	return tags
}

func (w *world) catalog(reference string) *index.Catalog {
	w.Helper()
	v := &verify.Verifier{Store: w.store, Rules: policy.Trusting(tools, 1), Now: func() time.Time { return w.now }}
	l, err := v.Load(w.Context(), reference)
	if err != nil {
		w.Fatal(err)
	}
	return l.Catalog
}

const policyFile = `
version: 1
keys:
  release: {file: release, roles: [release]}
  promote: {file: promote, roles: [promote]}
  refresh: {file: refresh, roles: [refresh]}
indexes:
  - name: tools/3.4/cpu-ubi9
    epoch: %d
`

// reader is a verifier with a policy that gives each key one role.
func (w *world) reader(store verify.Store, epoch int) *verify.Verifier {
	w.Helper()
	p, err := policy.Parse(fmt.Appendf(nil, policyFile, epoch), func(name string) ([]byte, error) {
		_, _, _, public := signtest.ECDSA(w, name)
		return public, nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return &verify.Verifier{Store: store, Rules: p.Indexes[tools], Now: func() time.Time { return w.now }}
}

// live is what a reader follows that remembers what it saw before.
func (w *world) live() (*verify.Revision, error) {
	r, err := w.reader(w.store, 1).Live(w.Context(), w.state)
	if err == nil {
		w.state = r.Next
	}
	return r, err
}

// wantLive fails unless readers are at d and everything that it names is whole.
func (w *world) wantLive(d digest.Digest) *verify.Revision {
	w.Helper()
	r, err := w.live()
	if err != nil {
		w.Fatalf("readers refuse: %v", err)
	}
	if r.Digest != d {
		w.Fatalf("readers are at %s, want %s", r.Digest, d)
	}
	if _, err := w.reader(w.store, 1).Deep(w.Context(), r); err != nil {
		w.Fatalf("deep: %v", err)
	}
	return r
}

func filenames(c *index.Catalog) []string {
	list := []string{}
	for _, f := range c.Files {
		list = append(list, f.Filename)
	}
	return list
}

func retired(c *index.Catalog) []string {
	list := []string{}
	for _, r := range c.Retired {
		list = append(list, fmt.Sprintf("%s since %d", r.File.Filename, r.Since))
	}
	return list
}
