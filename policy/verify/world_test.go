package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

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

var (
	name = index.Name{Product: "tools", Series: "3.4", Variant: "cpu-ubi9"}
	dawn = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
)

const week = 7 * 24 * time.Hour

// world is a vendor with keys, a clock and a registry.
type world struct {
	t     *testing.T
	now   time.Time
	store *registry.Memory
	dir   string
	// The keys that sign; each may be replaced.
	release, promote []sign.Signer
	refresh          sign.Signer
	trusted          []dsse.PublicKey
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: dawn, store: registry.NewMemory(), dir: t.TempDir()}
	w.release = []sign.Signer{w.key("release")}
	w.promote = []sign.Signer{w.key("promote")}
	w.refresh = w.key("refresh")
	return w
}

func (w *world) key(name string) sign.Signer {
	w.t.Helper()
	signer, public, _, _ := signtest.Key(w.t, name)
	w.trusted = append(w.trusted, public)
	return signer
}

func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// demo are wheels of the project demo with these versions.
func demo(versions ...string) []wheeltest.Wheel {
	var list []wheeltest.Wheel
	for _, v := range versions {
		list = append(list, wheeltest.Wheel{Version: v})
	}
	return list
}

// publish makes a candidate of the newest revision and these wheels.
func (w *world) publish(wheels ...wheeltest.Wheel) *publish.Plan {
	w.t.Helper()
	return w.publishOn(publish.BaseNewest, nil, wheels...)
}

func (w *world) publishOn(base publish.Base, edit func(*publish.Options), wheels ...wheeltest.Wheel) *publish.Plan {
	w.t.Helper()
	o := publish.Options{Name: name, Base: base, Signers: w.release, Trusted: w.trusted, Now: w.now}
	for _, x := range wheels {
		path := wheeltest.Write(w.t, w.dir, x)
		data := wheeltest.Build(w.t, x)
		info, err := wheel.Inspect(w.t.Context(), bytes.NewReader(data), int64(len(data)), x.Filename(), wheel.Limits{}, nil)
		w.must(err)
		o.Files = append(o.Files, publish.Candidate{Path: path, Info: info})
	}
	if edit != nil {
		edit(&o)
	}
	p, err := publish.NewPlan(w.t.Context(), w.store, o)
	w.must(err)
	w.must(p.Apply(w.t.Context(), w.store))
	return p
}

func (w *world) plan() *publish.Promotion {
	w.t.Helper()
	p, err := publish.NewPromotion(w.t.Context(), w.store, publish.PromoteOptions{
		AllowUngated: true,
		Name:         name, By: "tester", Reason: "test", Signers: w.promote, Trusted: w.trusted, Expiry: week,
		Repository: "registry.example/tools/wheels-3.4", Now: w.now,
	})
	w.must(err)
	return p
}

// promoteCandidate makes the candidate live.
func (w *world) promoteCandidate() *publish.Promotion {
	w.t.Helper()
	p := w.plan()
	w.must(p.Apply(w.t.Context(), w.store))
	return p
}

// ship publishes and promotes.
func (w *world) ship(versions ...string) digest.Digest {
	w.t.Helper()
	p := w.publish(demo(versions...)...)
	w.promoteCandidate()
	return p.Revision.Digest
}

func (w *world) refreshHead() {
	w.t.Helper()
	_, err := publish.Refresh(w.t.Context(), w.store, publish.RefreshOptions{
		Name: name, Expiry: week, Signer: w.refresh, Trusted: w.trusted, Now: w.now,
	})
	w.must(err)
}

// mirror copies tags with all that hangs below them, as they are now.
func (w *world) mirror(to *registry.Memory, tags ...string) {
	w.t.Helper()
	for _, tag := range tags {
		desc, err := w.store.Resolve(w.t.Context(), tag)
		w.must(err)
		w.copyBelow(to, desc)
		w.must(to.Tag(w.t.Context(), desc, tag))
	}
}

func (w *world) copyBelow(to *registry.Memory, desc ocispec.Descriptor) {
	w.t.Helper()
	data := w.fetch(desc)
	w.must(to.Push(w.t.Context(), desc, bytes.NewReader(data)))
	if desc.MediaType != ocispec.MediaTypeImageIndex && desc.MediaType != ocispec.MediaTypeImageManifest {
		return
	}
	var m struct {
		Config    *ocispec.Descriptor
		Layers    []ocispec.Descriptor
		Manifests []ocispec.Descriptor
	}
	w.must(json.Unmarshal(data, &m))
	if m.Config != nil {
		w.copyBelow(to, *m.Config)
	}
	for _, child := range slices.Concat(m.Layers, m.Manifests) {
		w.copyBelow(to, child)
	}
}

func (w *world) fetch(desc ocispec.Descriptor) []byte {
	w.t.Helper()
	rc, err := w.store.Fetch(w.t.Context(), desc)
	w.must(err)
	defer rc.Close()
	data, err := io.ReadAll(rc)
	w.must(err)
	return data
}

// at is where a tag points.
func (w *world) at(tag string) ocispec.Descriptor {
	w.t.Helper()
	desc, err := w.store.Resolve(w.t.Context(), tag)
	w.must(err)
	return desc
}

// standard are the keys of newWorld as a policy lists them.
func (w *world) standard() string {
	w.t.Helper()
	return w.policyKey("release", "release") + w.policyKey("promote", "promote") + w.policyKey("refresh", "refresh")
}

// policyKey is one key of a policy file, with further members.
func (w *world) policyKey(key, role string, members ...string) string {
	w.t.Helper()
	_, _, _, pem := signtest.Key(w.t, key)
	text := "  " + key + ":\n    roles: [" + role + "]\n    pem: |\n      " + strings.ReplaceAll(strings.TrimSpace(string(pem)), "\n", "\n      ") + "\n"
	for _, m := range members {
		text += "    " + m + "\n"
	}
	return text
}

// shim is a reader: a policy, a store and what it remembers.
type shim struct {
	*verify.Verifier
	w     *world
	state *policy.State
}

// shim makes a reader of the world's registry with the standard keys.
func (w *world) shim(members ...string) *shim {
	w.t.Helper()
	return w.shimWith(w.standard(), members...)
}

func (w *world) shimWith(keys string, members ...string) *shim {
	w.t.Helper()
	text := "version: 1\nkeys:\n" + keys + "indexes:\n- name: " + name.String() + "\n"
	for _, m := range members {
		text += "  " + m + "\n"
	}
	p, err := policy.Parse([]byte(text), nil)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, text)
	}
	return &shim{Verifier: &verify.Verifier{Store: w.store, Rules: p.Indexes[name], Now: func() time.Time { return w.now }}, w: w}
}

// from makes the reader look elsewhere.
func (s *shim) from(store verify.Store) *shim {
	s.Store = store
	return s
}

// poll verifies what is live and remembers it, through the encoded state.
func (s *shim) poll() (*verify.Revision, error) {
	s.w.t.Helper()
	r, err := s.Live(s.w.t.Context(), s.state)
	if err != nil {
		return nil, err
	}
	s.remember(r)
	return r, nil
}

func (s *shim) remember(r *verify.Revision) {
	s.w.t.Helper()
	data, err := r.Next.Encode()
	s.w.must(err)
	s.state, err = policy.DecodeState(data)
	s.w.must(err)
}

// serves wants a poll to give the revision d.
func (s *shim) serves(d digest.Digest) *verify.Revision {
	s.w.t.Helper()
	r, err := s.poll()
	s.w.must(err)
	if r.Digest != d {
		s.w.t.Fatalf("serves revision %d (%s), want %s", r.Catalog.Serial, r.Digest, d)
	}
	return r
}

// refuses wants a poll to fail for a reason, and the state to stay.
func (s *shim) refuses(step int, code policy.Code) {
	s.w.t.Helper()
	before := s.state
	_, err := s.poll()
	wantRefusal(s.w.t, err, step, code)
	if s.state != before {
		s.w.t.Error("a refusal changed the state")
	}
}

func wantRefusal(t testing.TB, err error, step int, code policy.Code) {
	t.Helper()
	var r *policy.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want refusal %s at step %d", err, code, step)
	}
	if r.Code != code || r.Step != step {
		t.Fatalf("refused (%s) at step %d, want (%s) at step %d: %v", r.Code, r.Step, code, step, err)
	}
	if len(r.Error()) < len(code)+15 {
		t.Errorf("a refusal that says nothing: %v", r)
	}
}

// filenames are the listed files.
func filenames(r *verify.Revision) []string {
	var list []string
	for _, f := range r.Catalog.Files {
		list = append(list, f.Filename)
	}
	return list
}

// dying is a store on which the writer dies: before it writes the tag, or the
// n-th time that it writes a tag that begins so.
type dying struct {
	registry.Store // without swapping tags: each move is a write of its own
	tag            string
	skip           int
}

var errDied = errors.New("the writer died")

func (d *dying) PushReference(ctx context.Context, desc ocispec.Descriptor, r io.Reader, tag string) error {
	if strings.HasPrefix(tag, d.tag) {
		if d.skip == 0 {
			return errDied
		}
		d.skip--
	}
	return d.Store.PushReference(ctx, desc, r, tag)
}
