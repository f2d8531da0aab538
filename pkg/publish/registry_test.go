package publish_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// openRegistry is a world in a registry, and what counts its requests.
func openRegistry(t *testing.T, quirks registrytest.Quirks) (*world, *registrytest.Recorder) {
	t.Helper()
	w, rec := newWorld(t), &registrytest.Recorder{}
	w.host = registrytest.InProcess(t, quirks)
	w.reopen(rec)
	return w, rec
}

// reopen is another run of the program.
func (w *world) reopen(rec *registrytest.Recorder) {
	w.Helper()
	ref, err := registry.ParseReference(w.host + "/tools/wheels")
	if err != nil {
		w.Fatal(err)
	}
	s, err := registry.Open(w.Context(), ref, registry.Options{PlainHTTP: true, WrapTransport: rec.Wrap})
	if err != nil {
		w.Fatal(err)
	}
	w.store = registry.Cached(s, 64<<20)
}

// TestTags counts them: old mirroring tools fall over the tags that referrers
// are given where a registry cannot list them.
func TestTags(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		quirks  registrytest.Quirks
		bundles bool // on wheels
	}{
		{"with the referrers API", registrytest.Quirks{}, true},
		{"without", registrytest.Quirks{NoReferrersAPI: true}, false},
		{"with it, but silent about subjects", registrytest.Quirks{ReferrersWithoutSubjectHeader: true}, true},
		{"without, yet answering to subjects", registrytest.Quirks{SubjectHeaderWithoutReferrers: true}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, rec := openRegistry(t, tt.quirks)
			for _, version := range []string{"1.0", "2.0"} {
				o := w.options(w.demo(version))
				o.SignWheels = true
				w.publishWith(o)
				p := w.promoteOptions()
				p.Repository = "registry.example/tools/wheels"
				if err := w.planPromotion(p).Apply(t.Context(), w.store); err != nil {
					t.Fatal(err)
				}
			}
			var sigs, others []string
			for _, tag := range w.tags() {
				if strings.HasPrefix(tag, "sha256-") && strings.HasSuffix(tag, ".sig") {
					sigs = append(sigs, tag)
				} else {
					others = append(others, tag)
				}
			}
			want := []string{
				"3.4-cpu-ubi9", "3.4-cpu-ubi9.head", "rev.3.4-cpu-ubi9.1", "rev.3.4-cpu-ubi9.2",
				"rev.3.4-cpu-ubi9.head.1", "rev.3.4-cpu-ubi9.head.2", "test.3.4-cpu-ubi9",
			}
			if diff := cmp.Diff(want, others); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
			if len(sigs) != 4 { // revision and catalog, twice
				t.Errorf("%d .sig tags: %v, want 4", len(sigs), sigs)
			}
			// By digest: two wheels, two catalogs, two signatures; and a
			// bundle for each wheel.
			bundles := rec.Count(http.MethodPut, "/manifests/sha256:") - 6
			if want := map[bool]int{true: 2, false: 0}[tt.bundles]; bundles != want {
				t.Errorf("%d manifests of bundles, want %d", bundles, want)
			}
			if tt.bundles {
				w.wantBundles()
			}
			w.wantLive(w.at("3.4-cpu-ubi9"))
		})
	}
}

// wantBundles looks for the signature on each wheel, as cosign 3 does.
func (w *world) wantBundles() {
	w.Helper()
	for _, f := range w.catalog("3.4-cpu-ubi9").Files {
		resp, err := http.Get("http://" + w.host + "/v2/tools/wheels/referrers/" + string(f.Manifest.Digest))
		if err != nil {
			w.Fatal(err)
		}
		defer resp.Body.Close()
		var list ocispec.Index
		if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
			w.Fatal(err)
		}
		if len(list.Manifests) != 1 || list.Manifests[0].ArtifactType != artifact.MediaTypeBundle {
			w.Fatalf("%s has the referrers %v, want one bundle", f.Filename, list.Manifests)
		}
		data, err := content.FetchAll(w.Context(), w.store, list.Manifests[0])
		if err != nil {
			w.Fatal(err)
		}
		var m ocispec.Manifest
		if err := json.Unmarshal(data, &m); err != nil {
			w.Fatal(err)
		}
		if data, err = content.FetchAll(w.Context(), w.store, m.Layers[0]); err != nil {
			w.Fatal(err)
		}
		b, err := dsse.DecodeBundle(data)
		if err != nil {
			w.Fatal(err)
		}
		s, _, _, err := dsse.VerifyBundle(b, []dsse.PublicKey{w.public("release")})
		if err != nil {
			w.Fatal(err)
		}
		if err := s.Require(sign.CosignPredicateType, f.Manifest.Digest.Encoded()); err != nil {
			w.Error(err)
		}
	}
}

// TestIdentities has the signatures for cosign and policy.json: on revision and
// catalog, each under the name of the revision and of what is live.
func TestIdentities(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.publish(w.demo("1.0")).Revision.Digest
	o := w.promoteOptions()
	o.Repository = "registry.example/tools/wheels"
	p := w.planPromotion(o)
	if err := p.Apply(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	entries, err := index.Decode(p.Revision.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []digest.Digest{d, entries[0].Digest} {
		desc, err := w.store.Resolve(t.Context(), sign.SigTag(subject))
		if err != nil {
			t.Fatal(err)
		}
		data, err := content.FetchAll(t.Context(), w.store, desc)
		if err != nil {
			t.Fatal(err)
		}
		var m ocispec.Manifest
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		if m.Subject == nil || m.Subject.Digest != subject {
			t.Errorf("the subject is %v, want %s", m.Subject, subject)
		}
		var names []string
		for _, l := range m.Layers {
			payload, err := content.FetchAll(t.Context(), w.store, l)
			if err != nil {
				t.Fatal(err)
			}
			var x struct {
				Critical struct {
					Identity struct {
						Reference string `json:"docker-reference"`
					} `json:"identity"`
					Image struct {
						Digest digest.Digest `json:"docker-manifest-digest"`
					} `json:"image"`
				} `json:"critical"`
			}
			if err := json.Unmarshal(payload, &x); err != nil {
				t.Fatal(err)
			}
			if x.Critical.Image.Digest != subject {
				t.Errorf("a signature on %s is about %s", subject, x.Critical.Image.Digest)
			}
			names = append(names, x.Critical.Identity.Reference)
			sig, err := base64.StdEncoding.DecodeString(l.Annotations[sign.SignatureAnnotation])
			if err != nil {
				t.Fatal(err)
			}
			if err := w.public("promote").Verify(payload, sig); err != nil {
				t.Error(err)
			}
		}
		want := []string{"registry.example/tools/wheels:rev.3.4-cpu-ubi9.1", "registry.example/tools/wheels:3.4-cpu-ubi9"}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("identities (-want +got):\n%s", diff)
		}
	}
}

// maxRequests is what publishing and promoting one wheel costs today, signature
// on the wheel and .sig included, so that no more creeps in. The goal is 40
// without the signature on the wheel, and it is not met: 22 of the 67 are the two
// requests of each of eleven blobs, 20 look where tags are. The lease is not in it:
// it adds five to each command.
const maxRequests = 69

func TestRequestsDoNotGrowWithTheIndex(t *testing.T) {
	t.Parallel()
	count := func(others int) []string {
		w, rec := openRegistry(t, registrytest.Quirks{})
		var files []publish.Candidate
		for i := range others {
			files = append(files, w.file(wheeltest.Wheel{Name: fmt.Sprintf("demo%03d", i)}))
		}
		w.release(files...)
		w.reopen(rec)
		rec.Reset()
		o := w.options(w.demo("2.0"))
		o.SignWheels = true
		w.publishWith(o)
		w.reopen(rec)
		p := w.promoteOptions()
		p.Repository = "registry.example/tools/wheels"
		if err := w.planPromotion(p).Apply(t.Context(), w.store); err != nil {
			t.Fatal(err)
		}
		return rec.Requests()
	}
	few, many := count(2), count(150)
	if len(few) != len(many) || len(many) > maxRequests {
		t.Errorf("%d requests into 2 wheels, %d into 150; want the same, not more than %d:\n%s", len(few), len(many), maxRequests, strings.Join(many, "\n"))
	}
	t.Logf("%d requests", len(many))
}

// TestLargeIndex refuses what many registries refuse, unless asked.
func TestLargeIndex(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options()
	for i := range 5200 {
		o.Files = append(o.Files, imaginary(t, i))
	}
	_, err := publish.NewPlan(t.Context(), w.store, o)
	var bad *publish.InputError
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "--allow-large") {
		t.Errorf("error %v, want an input error that names --allow-large", err)
	}
	o.AllowLarge = true
	if p := w.plan(o); p.Revision.Size <= index.AdvisedRevision {
		t.Errorf("the index has %d bytes: not large", p.Revision.Size)
	}
}

// imaginary is a wheel that is only planned.
func imaginary(t *testing.T, i int) publish.Candidate {
	t.Helper()
	name := fmt.Sprintf("demo%04d-1.0-py3-none-any.whl", i)
	f, err := wheel.ParseAnyFilename(name)
	if err != nil {
		t.Fatal(err)
	}
	d := digest.FromString(name).Encoded()
	return publish.Candidate{Path: name, Info: &wheel.Info{
		Filename: name, PackageType: f.Type, Project: f.Project, Name: f.Name, Version: f.Version, Tags: f.Tags,
		SHA256: d, Size: 1, Metadata: []byte(name), MetadataSHA256: d,
	}}
}
