package publish_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

// Variants of one series.
var (
	cuda = index.Name{Product: "tools", Series: "3.4", Variant: "cuda13.0-ubi9"}
	rocm = index.Name{Product: "tools", Series: "3.4", Variant: "rocm7.1-ubi9"}
)

func (w *world) publishTo(name index.Name, versions ...string) digest.Digest {
	w.Helper()
	var files []publish.Candidate
	for _, v := range versions {
		files = append(files, w.demo(v))
	}
	o := w.options(files...)
	o.Name = name
	return w.publishWith(o).Revision.Digest
}

func (w *world) releaseOptions(variants ...string) publish.ReleaseOptions {
	return publish.ReleaseOptions{Series: "3.4", Variants: variants, Promote: w.promoteOptions()}
}

func (w *world) planRelease(o publish.ReleaseOptions) *publish.ReleasePlan {
	w.Helper()
	p, err := publish.NewRelease(w.Context(), w.store, o)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) releaseAll(variants ...string) *publish.ReleasePlan {
	w.Helper()
	p := w.planRelease(w.releaseOptions(variants...))
	if err := p.Apply(w.Context(), w.store); err != nil {
		w.Fatal(err)
	}
	return p
}

// released is what the release says, by variant: serial and head sequence.
func (w *world) released() map[string]string {
	w.Helper()
	r, _, err := publish.ReadRelease(w.Context(), w.store, "3.4")
	if err != nil {
		w.Fatal(err)
	}
	list := map[string]string{}
	for v, x := range r.Variants {
		list[v] = fmt.Sprintf("%d by %d", x.Serial, x.HeadSequence)
	}
	return list
}

// follower follows the release.
func (w *world) follower(name index.Name) (*verify.Revision, error) {
	rules := policy.Trusting(name, 1, w.public("release"), w.public("promote"))
	rules.FollowRelease = true
	v := &verify.Verifier{Store: w.store, Rules: rules, Now: w.reader(w.store, 1).Now}
	return v.Live(w.Context(), nil)
}

func (w *world) wantReleased(name index.Name, d digest.Digest) {
	w.Helper()
	r, err := w.follower(name)
	if err != nil {
		w.Fatalf("%s: who follows the release refuses: %v", name, err)
	}
	if r.Digest != d {
		w.Errorf("%s: who follows the release is at %s, want %s", name, r.Digest, d)
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.publishTo(tools, "1.0"), w.publishTo(cuda, "1.0")
	p := w.releaseAll()
	if p.Sequence != 1 || len(p.Promotions) != 2 {
		t.Errorf("number %d with %d promotions, want number 1 with 2", p.Sequence, len(p.Promotions))
	}
	w.wantReleased(tools, a)
	w.wantReleased(cuda, b)
	w.wantLive(a)

	if _, err := publish.NewRelease(t.Context(), w.store, w.releaseOptions()); !errors.Is(err, publish.ErrAlreadyReleased) {
		t.Errorf("again: error %v, want already released", err)
	}

	// One variant moves, another is new, the rest stays.
	b2, c := w.publishTo(cuda, "2.0"), w.publishTo(rocm, "1.0")
	if p = w.releaseAll(); p.Sequence != 2 || len(p.Promotions) != 2 {
		t.Errorf("number %d with %d promotions, want number 2 with 2", p.Sequence, len(p.Promotions))
	}
	for name, d := range map[index.Name]digest.Digest{tools: a, cuda: b2, rocm: c} {
		w.wantReleased(name, d)
	}
	want := map[string]string{"cpu-ubi9": "1 by 1", "cuda13.0-ubi9": "2 by 2", "rocm7.1-ubi9": "1 by 1"}
	if diff := cmp.Diff(want, w.released()); diff != "" {
		t.Errorf("release (-want +got):\n%s", diff)
	}
}

// TestReleaseOfSomeVariants leaves the others where the last release has them,
// although they have candidates, and drops what it is told to.
func TestReleaseOfSomeVariants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, n := range []index.Name{tools, cuda, rocm} {
		w.publishTo(n, "1.0")
	}
	w.releaseAll()
	for _, n := range []index.Name{tools, cuda, rocm} {
		w.publishTo(n, "2.0")
	}
	o := w.releaseOptions("cpu-ubi9")
	o.Drop = []string{"rocm7.1-ubi9"}
	if err := w.planRelease(o).Apply(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"cpu-ubi9": "2 by 2", "cuda13.0-ubi9": "1 by 1"}
	if diff := cmp.Diff(want, w.released()); diff != "" {
		t.Errorf("release (-want +got):\n%s", diff)
	}
	var refusal *policy.Refusal
	if _, err := w.follower(rocm); !errors.As(err, &refusal) || refusal.Code != policy.NotInRelease {
		t.Errorf("a dropped variant: error %v, want %s", err, policy.NotInRelease)
	}
}

// TestReleaseRefused: all that is wrong is told at once, before the first write.
func TestReleaseRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		set    func(w *world, o *publish.ReleaseOptions)
		says   []string
		absent string // must not be in the error
	}{
		{"two variants signed by others", func(w *world, o *publish.ReleaseOptions) {
			o.Promote.Trusted = nil
		}, []string{"tools/3.4/cpu-ubi9", "tools/3.4/cuda13.0-ubi9", "--trust"}, ""},
		{"one of two is behind live", func(w *world, o *publish.ReleaseOptions) {
			stale := w.at("test.3.4-cpu-ubi9")
			w.publish(w.demo("2.0"))
			w.promote()
			desc, err := w.store.Resolve(w.Context(), string(stale))
			if err != nil {
				w.Fatal(err)
			}
			if err := w.store.Tag(w.Context(), desc, "test.3.4-cpu-ubi9"); err != nil {
				w.Fatal(err)
			}
		}, []string{"tools/3.4/cpu-ubi9"}, "cuda13.0"},
		{"a variant without a candidate", func(w *world, o *publish.ReleaseOptions) {
			o.Variants = []string{"cpu-ubi9", "tpu"}
		}, []string{"tpu", "no candidate"}, ""},
		{"a series without any", func(w *world, o *publish.ReleaseOptions) { o.Series = "3.5" }, []string{"3.5"}, ""},
		{"no series", func(w *world, o *publish.ReleaseOptions) { o.Series = "v3" }, []string{"v3"}, ""},
		{"a variant to drop that was never in", func(w *world, o *publish.ReleaseOptions) { o.Drop = []string{"tpu"} }, []string{"tpu"}, ""},
		{"another product in the repository", func(w *world, o *publish.ReleaseOptions) {
			w.publishTo(index.Name{Product: "other", Series: "3.4", Variant: "cpu"}, "1.0")
		}, []string{"other/3.4/cpu", "one product"}, ""},
		{"another epoch", func(w *world, o *publish.ReleaseOptions) {
			x := w.options(w.demo("1.0"))
			x.Name, x.Epoch = rocm, 2
			w.publishWith(x)
		}, []string{"epoch 2"}, ""},
		{"a release by a stranger", func(w *world, o *publish.ReleaseOptions) {
			x := w.releaseOptions()
			x.Promote.Signers = []sign.Signer{w.key("stranger")}
			if err := w.planRelease(x).Apply(w.Context(), w.store); err != nil {
				w.Fatal(err)
			}
			o.Promote.Promoters = nil
		}, []string{"cannot be built upon", "--trust-promote"}, ""},
		{"no key", func(w *world, o *publish.ReleaseOptions) { o.Promote.Signers = nil }, []string{"no signing key"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publishTo(tools, "1.0")
			w.publishTo(cuda, "1.0")
			o := w.releaseOptions()
			tt.set(w, &o)
			before := w.tagsAt()
			_, err := publish.NewRelease(t.Context(), w.store, o)
			if err == nil {
				t.Fatal("not refused")
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("error %q does not mention %q", err, s)
				}
			}
			if tt.absent != "" && strings.Contains(err.Error(), tt.absent) {
				t.Errorf("error %q mentions %q", err, tt.absent)
			}
			if diff := cmp.Diff(before, w.tagsAt()); diff != "" {
				t.Errorf("tags moved (-before +after):\n%s", diff)
			}
		})
	}
}

// tagsAt is where every tag is.
func (w *world) tagsAt() map[string]digest.Digest {
	w.Helper()
	at := map[string]digest.Digest{}
	for _, tag := range w.tags() {
		at[tag] = w.at(tag)
	}
	return at
}

// TestReleaseFindsOtherWriters: a tag that moved since the plan stops all of it.
func TestReleaseFindsOtherWriters(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(w *world){
		"somebody promoted the second variant": func(w *world) {
			o := w.promoteOptions()
			o.Name, o.Reason = cuda, "in between"
			if err := w.planPromotion(o).Apply(w.Context(), w.store); err != nil {
				w.Fatal(err)
			}
		},
		"somebody released": func(w *world) { w.releaseAll("cuda13.0-ubi9") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publishTo(tools, "1.0")
			w.publishTo(cuda, "1.0")
			p := w.planRelease(w.releaseOptions())
			act(w)
			before := w.tagsAt()
			var conflict *publish.ConflictError
			if err := p.Apply(t.Context(), w.store); !errors.As(err, &conflict) {
				t.Fatalf("error %v, want a conflict", err)
			}
			if diff := cmp.Diff(before, w.tagsAt()); diff != "" {
				t.Errorf("tags moved (-before +after):\n%s", diff)
			}
		})
	}
}

// TestSavedReleaseEdited: a plan that was edited is refused.
func TestSavedReleaseEdited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publishTo(tools, "1.0")
	w.publishTo(cuda, "1.0")
	text := string(w.encoded(w.planRelease(w.releaseOptions())))
	if _, err := publish.DecodeRelease([]byte(text)); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string][2]string{
		"another series":   {`"series":"3.4"`, `"series":"3.5"`},
		"another kind":     {`"kind":"release"`, `"kind":"promote"`},
		"another name":     {`"name":"tools/3.4/cuda13.0-ubi9"`, `"name":"tools/3.4/rocm7.1-ubi9"`},
		"another product":  {`"product":"tools"`, `"product":"wools"`},
		"another sequence": {`"sequence":1,"series"`, `"sequence":2,"series"`},
	} {
		edited := strings.Replace(text, edit[0], edit[1], 1)
		if edited == text {
			t.Errorf("%s: nothing was edited", name)
			continue
		}
		var bad *publish.InputError
		if _, err := publish.DecodeRelease([]byte(edited)); !errors.As(err, &bad) {
			t.Errorf("%s: error %v, want an input error", name, err)
		}
	}
}

// maxReleaseRequests is what releasing twelve variants costs, .sig included,
// when each has something new to promote.
const maxReleaseRequests = 600

func TestRequestsOfARelease(t *testing.T) {
	t.Parallel()
	w, rec := openRegistry(t, registrytest.Quirks{})
	names := []index.Name{}
	for i := range 12 {
		names = append(names, index.Name{Product: "tools", Series: "3.4", Variant: fmt.Sprintf("variant%d-ubi9", i)})
	}
	release := func() {
		o := w.releaseOptions()
		o.Promote.Repository = "registry.example/tools/wheels"
		if err := w.planRelease(o).Apply(t.Context(), w.store); err != nil {
			t.Fatal(err)
		}
	}
	for _, version := range []string{"1.0", "2.0"} {
		for _, n := range names {
			w.publishTo(n, version)
		}
		w.reopen(rec)
		rec.Reset()
		release()
	}
	n := len(rec.Requests())
	t.Logf("%d requests: %d GET, %d HEAD, %d POST, %d PUT", n, rec.Count(http.MethodGet, ""), rec.Count(http.MethodHead, ""), rec.Count(http.MethodPost, ""), rec.Count(http.MethodPut, ""))
	if n > maxReleaseRequests {
		t.Errorf("%d requests, want at most %d:\n%s", n, maxReleaseRequests, strings.Join(rec.Requests(), "\n"))
	}
	for _, x := range names {
		w.wantReleased(x, w.at(x.CandidateTag()))
	}
}
