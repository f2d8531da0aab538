package sign_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/test/signtest"
)

var subject = ocispec.Descriptor{
	MediaType: ocispec.MediaTypeImageIndex, Digest: digest.FromString("index"), Size: 5,
	Annotations: map[string]string{"not": "copied"}, Data: []byte("index"),
}

func layers(t testing.TB, s sign.Signer, identities ...string) []sign.SigLayer {
	t.Helper()
	l, err := sign.SigLayers(s, subject.Digest, identities)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestSimpleSigningEncode(t *testing.T) {
	t.Parallel()
	got, err := sign.SimpleSigning{Reference: "registry.example/wheels:rev.1", Digest: subject.Digest}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"critical":{"identity":{"docker-reference":"registry.example/wheels:rev.1"},"image":{"docker-manifest-digest":"` +
		subject.Digest.String() + `"},"type":"cosign container image signature"},"optional":{}}`
	if string(got) != want {
		t.Errorf("Encode gives\n%s\nwant\n%s", got, want)
	}
	got, err = sign.SimpleSigning{Reference: "registry.example/wheels:rev.1", Digest: subject.Digest,
		Optional: map[string]string{"creator": "pinwheel"}}.Encode()
	if err != nil || !strings.HasSuffix(string(got), `"optional":{"creator":"pinwheel"}}`) {
		t.Errorf("Encode with a claim gives %s (%v)", got, err)
	}
}

func TestSimpleSigningRefuses(t *testing.T) {
	t.Parallel()
	good := sign.SimpleSigning{Reference: "registry.example/wheels:rev.1", Digest: subject.Digest}
	for name, row := range map[string]struct {
		want   string
		change func(*sign.SimpleSigning)
	}{
		"no digest":          {"sha256 digest", func(s *sign.SimpleSigning) { s.Digest = "" }},
		"a short digest":     {"sha256 digest", func(s *sign.SimpleSigning) { s.Digest = "sha256:00" }},
		"another algorithm":  {"sha256 digest", func(s *sign.SimpleSigning) { s.Digest = digest.SHA512.FromString("x") }},
		"no identity":        {"want registry", func(s *sign.SimpleSigning) { s.Reference = "" }},
		"a bare repository":  {"with a tag", func(s *sign.SimpleSigning) { s.Reference = "registry.example/wheels" }},
		"a digest":           {"no digest", func(s *sign.SimpleSigning) { s.Reference = "registry.example/wheels@" + subject.Digest.String() }},
		"tag and digest":     {"no digest", func(s *sign.SimpleSigning) { s.Reference += "@" + subject.Digest.String() }},
		"no host":            {"not a registry host", func(s *sign.SimpleSigning) { s.Reference = "wheels/demo:1" }},
		"a URL":              {"want registry", func(s *sign.SimpleSigning) { s.Reference = "https://registry.example/wheels:1" }},
		"capitals":           {"want registry", func(s *sign.SimpleSigning) { s.Reference = "registry.example/Wheels:1" }},
		"a text timestamp":   {"timestamp", func(s *sign.SimpleSigning) { s.Optional = map[string]string{"timestamp": "1"} }},
		"a claim not UTF-8":  {"UTF-8", func(s *sign.SimpleSigning) { s.Optional = map[string]string{"x": "\xff"} }},
		"a tag of odd signs": {"want registry", func(s *sign.SimpleSigning) { s.Reference = "registry.example/wheels:a b" }},
	} {
		t.Run(name, func(t *testing.T) {
			s := good
			row.change(&s)
			got, err := s.Encode()
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("Encode gives %s, error %v, want one with %q", got, err, row.want)
			}
		})
	}
}

func TestSigLayers(t *testing.T) {
	t.Parallel()
	for _, newKey := range []func(testing.TB, string) (sign.Signer, dsse.PublicKey, []byte, []byte){signtest.Key, signtest.ECDSA} {
		signer, key, _, _ := newKey(t, "release")
		for i, l := range layers(t, signer, "localhost/demo:1", "localhost:5000/demo:live") {
			sig, err := base64.StdEncoding.DecodeString(l.Descriptor.Annotations[sign.SignatureAnnotation])
			if err != nil {
				t.Fatal(err)
			}
			if err := key.Verify(l.Payload, sig); err != nil {
				t.Errorf("layer %d: %v", i, err)
			}
			d := l.Descriptor
			if d.MediaType != sign.SimpleSigningMediaType || d.Digest != digest.FromBytes(l.Payload) || d.Size != int64(len(l.Payload)) {
				t.Errorf("layer %d: descriptor %+v does not fit its payload", i, d)
			}
		}
	}
	signer, _, _, _ := signtest.Key(t, "release")
	for name, identities := range map[string][]string{"no identity": nil, "one bad of two": {"localhost/demo:1", "localhost/demo"}} {
		if got, err := sign.SigLayers(signer, subject.Digest, identities); err == nil {
			t.Errorf("%s gives %v", name, got)
		}
	}
}

func TestSigManifest(t *testing.T) {
	t.Parallel()
	ours, _, _, _ := signtest.Key(t, "ours")
	theirs, _, _, _ := signtest.ECDSA(t, "theirs")
	a, b := "localhost/demo:a", "localhost/demo:b"
	data, err := sign.SigManifest(nil, layers(t, theirs, a), subject)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := sign.ParseSigManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	// A signature with more annotations (cosign's log bundle) is kept whole.
	foreign[0].Annotations["dev.sigstore.cosign/bundle"] = "{}"
	broken := foreign[0]
	broken.Annotations = map[string]string{sign.SignatureAnnotation: "!"}

	descriptors := func(l ...sign.SigLayer) (all []ocispec.Descriptor) {
		for _, l := range l {
			all = append(all, l.Descriptor)
		}
		return all
	}
	one, two := layers(t, ours, a), layers(t, ours, a, b)
	for name, row := range map[string]struct {
		existing []ocispec.Descriptor
		added    []sign.SigLayer
		want     []ocispec.Descriptor
	}{
		"first signature":           {nil, one, descriptors(one...)},
		"the same again":            {descriptors(one...), one, descriptors(one...)},
		"one more identity":         {descriptors(one...), two, descriptors(two...)},
		"another key's is kept":     {foreign, one, append(foreign[:1:1], descriptors(one...)...)},
		"an unreadable one is kept": {[]ocispec.Descriptor{broken}, one, append([]ocispec.Descriptor{broken}, descriptors(one...)...)},
		"an identity given twice":   {nil, append(one[:1:1], one...), descriptors(one...)},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := sign.SigManifest(row.existing, row.added, subject)
			if err != nil {
				t.Fatal(err)
			}
			got, err := sign.ParseSigManifest(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("layers (-want +got)\n%s", diff)
			}
		})
	}
}

func TestSigManifestForm(t *testing.T) {
	t.Parallel()
	signer, _, _, _ := signtest.Key(t, "release")
	l := layers(t, signer, "localhost/demo:1")
	data, err := sign.SigManifest(nil, l, subject)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "layers")
	want := map[string]any{
		"schemaVersion": 2.0,
		"mediaType":     "application/vnd.oci.image.manifest.v1+json",
		"artifactType":  "application/vnd.dev.cosign.artifact.sig.v1+json",
		"config": map[string]any{
			"mediaType": "application/vnd.oci.empty.v1+json", "size": 2.0, "digest": digest.FromString("{}").String(),
		},
		"subject": map[string]any{"mediaType": subject.MediaType, "size": 5.0, "digest": subject.Digest.String()},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifest without its layers (-want +got)\n%s", diff)
	}
	if _, err := sign.SigManifest(nil, nil, subject); err == nil {
		t.Error("a manifest without signatures was made")
	}
	if _, err := sign.SigManifest(make([]ocispec.Descriptor, sign.MaxSigLayers), l, subject); err == nil {
		t.Error("a manifest with too many signatures was made")
	}
	if got, want := sign.SigTag(subject.Digest), "sha256-"+subject.Digest.Encoded()+".sig"; got != want {
		t.Errorf("SigTag is %q, want %q", got, want)
	}
}

func TestParseSigManifestRefuses(t *testing.T) {
	t.Parallel()
	signer, _, _, _ := signtest.Key(t, "release")
	data, err := sign.SigManifest(nil, layers(t, signer, "localhost/demo:1"), subject)
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for name, doc := range map[string]string{
		"nothing":            "",
		"a list":             "[]",
		"an index":           `{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageIndex + `","manifests":[]}`,
		"another media type": strings.Replace(good, ocispec.MediaTypeImageManifest, "application/json", 1),
		"another layer":      strings.Replace(good, sign.SimpleSigningMediaType, "application/json", 1),
		"duplicate member":   strings.Replace(good, `"layers":`, `"layers":[],"layers":`, 1),
		"unknown member":     strings.Replace(good, `"layers":`, `"layer":[],"layers":`, 1),
		"no digest":          strings.Replace(good, `"layers":[{`, `"layers":[{"mediaType":"`+sign.SimpleSigningMediaType+`"},{`, 1),
		"too large":          good + strings.Repeat(" ", sign.MaxSigManifestSize),
	} {
		if doc == good {
			t.Errorf("%s: nothing was changed", name)
		}
		if got, err := sign.ParseSigManifest([]byte(doc)); err == nil {
			t.Errorf("%s gives %v", name, got)
		}
	}
}

// liar is a signer whose public key is not that of its signatures.
type liar struct {
	sign.Signer
	public dsse.PublicKey
}

func (l liar) Public() dsse.PublicKey { return l.public }

func TestMismatchedSignerIsFound(t *testing.T) {
	t.Parallel()
	signer, _, _, _ := signtest.Key(t, "release")
	_, other, _, _ := signtest.Key(t, "other")
	bad := liar{signer, other}
	s, err := dsse.NewStatement(predicateType, "x", subject.Digest.Encoded(), struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sign.Bundle(bad, s); err == nil {
		t.Error("Bundle wrote a signature that does not verify")
	}
	if _, err := sign.SigLayers(bad, subject.Digest, []string{"localhost/demo:1"}); err == nil {
		t.Error("SigLayers wrote a signature that does not verify")
	}
	if _, err := sign.Bundle(signer, dsse.Statement{}); err == nil {
		t.Error("Bundle signed an empty statement")
	}
}
