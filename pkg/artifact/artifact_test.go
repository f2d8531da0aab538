package artifact_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
)

// ruleOf returns the rule that an error is about, "" for none.
func ruleOf(t testing.TB, err error) string {
	t.Helper()
	var v *artifact.Violation
	switch {
	case err == nil:
		return ""
	case errors.As(err, &v):
		return v.Rule
	}
	t.Fatalf("the error is not a violation: %v", err)
	return ""
}

func blob(s string) artifact.Blob {
	return artifact.Blob{Digest: digest.FromString(s), Size: int64(len(s))}
}

func file(name string) artifact.File {
	metadata := blob("metadata of " + name)
	return artifact.File{Filename: name, Blob: blob("bytes of " + name), Metadata: &metadata}
}

func bundles(n int) []artifact.Layer {
	return slices.Repeat([]artifact.Layer{{MediaType: artifact.MediaTypeBundle, Blob: blob("bundle")}}, n)
}

func TestFilesComeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	bare := file("alpha-1.0.tar.gz")
	bare.Metadata = nil
	for name, files := range map[string][]artifact.File{
		"one wheel":                 {file("alpha-1.0-py3-none-any.whl")},
		"a pack":                    {file("alpha-1.0-cp311-cp311-linux_x86_64.whl"), file("alpha-1.0-cp312-cp312-linux_x86_64.whl")},
		"an sdist":                  {file("alpha-1.0.tar.gz")},
		"a zip":                     {file("alpha-1.0.zip")},
		"an sdist without PKG-INFO": {bare},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := artifact.FileManifest(files...)
			if err != nil {
				t.Fatal(err)
			}
			data, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := artifact.DecodeFiles(data, m.ArtifactType)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(files, got); diff != "" {
				t.Errorf("files: -in +out\n%s", diff)
			}
		})
	}
}

// TestWheelManifestHoldsNothingElse pins the bytes: the same wheel is the same
// digest in every index and on every run.
func TestWheelManifestHoldsNothingElse(t *testing.T) {
	t.Parallel()
	const want = `{"artifactType":"application/vnd.pinwheel.wheel.v1",` +
		`"config":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","mediaType":"application/vnd.oci.empty.v1+json","size":2},` +
		`"layers":[{"annotations":{"org.opencontainers.image.title":"a-1-py3-none-any.whl"},"digest":"sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae","mediaType":"application/vnd.pinwheel.wheel.v1+zip","size":3},` +
		`{"annotations":{"org.opencontainers.image.title":"a-1-py3-none-any.whl.metadata"},"digest":"sha256:fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9","mediaType":"application/vnd.pinwheel.metadata.v1","size":3}],` +
		`"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}`
	metadata := blob("bar")
	m, err := artifact.FileManifest(artifact.File{Filename: "a-1-py3-none-any.whl", Blob: blob("foo"), Metadata: &metadata})
	if err != nil {
		t.Fatal(err)
	}
	data, err := m.Encode()
	if err != nil || string(data) != want {
		t.Errorf("got %s, %v", data, err)
	}
	if digest.FromString(artifact.EmptyConfig) != artifact.EmptyConfigDigest || len(artifact.EmptyConfig) != artifact.EmptyConfigSize {
		t.Error("the empty config is not what its descriptor says")
	}
}

func TestFileManifestRefuses(t *testing.T) {
	t.Parallel()
	wheel, sdist := file("alpha-1.0-py3-none-any.whl"), file("alpha-1.0.tar.gz")
	bare, named, empty, huge := wheel, wheel, wheel, wheel
	bare.Metadata, empty.Size = nil, 0
	big := artifact.Blob{Digest: wheel.Digest, Size: artifact.MaxMetadata + 1}
	named.Filename, huge.Metadata = strings.Repeat("a", artifact.MaxFilename)+".whl", &big
	for name, c := range map[string]struct {
		rule  string
		files []artifact.File
	}{
		"nothing":                   {"layer-count", nil},
		"wheel and sdist":           {"pack", []artifact.File{wheel, sdist}},
		"two sdists":                {"pack", []artifact.File{sdist, file("alpha-1.1.tar.gz")}},
		"wheels in the wrong order": {"order", []artifact.File{file("b-1-py3-none-any.whl"), file("a-1-py3-none-any.whl")}},
		"a wheel twice":             {"order", []artifact.File{wheel, wheel}},
		"wheel without metadata":    {"metadata-layer", []artifact.File{bare}},
		"name too long":             {"filename", []artifact.File{named}},
		"neither wheel nor sdist":   {"filename", []artifact.File{file("alpha-1.0.egg")}},
		"hidden file":               {"filename", []artifact.File{file(".alpha-1.0-py3-none-any.whl")}},
		"percent":                   {"filename", []artifact.File{file("alpha-1.0%2f-py3-none-any.whl")}},
		"metadata too large":        {"size", []artifact.File{huge}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := artifact.FileManifest(c.files...); ruleOf(t, err) != c.rule {
				t.Errorf("got %v, want rule %q", err, c.rule)
			}
		})
	}
	m, err := artifact.FileManifest(empty)
	if err == nil {
		_, err = m.Encode()
	}
	if ruleOf(t, err) != "size" {
		t.Errorf("empty wheel: %v", err)
	}
}

func TestEncodeKeepsTheLimitsOfDecode(t *testing.T) {
	t.Parallel()
	pack := func(n int) artifact.Manifest {
		var files []artifact.File
		for i := range n {
			files = append(files, file(fmt.Sprintf("alpha-1.0-%06d-py3-none-any.whl", i)))
		}
		m, err := artifact.FileManifest(files...)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	release := append([]artifact.Layer{{MediaType: artifact.MediaTypeRelease, Blob: blob("release")}}, bundles(artifact.MaxSignatures)...)
	large := bundles(1)
	large[0].Size = artifact.MaxBundle + 1
	for name, c := range map[string]struct {
		rule     string
		manifest artifact.Manifest
	}{
		"pack of 2000":           {"", pack(2000)},
		"pack of 3000":           {"too-large", pack(3000)},
		"one signature":          {"", artifact.Manifest{ArtifactType: artifact.TypeSignature, Layers: bundles(1)}},
		"64 signatures":          {"", artifact.Manifest{ArtifactType: artifact.TypeSignature, Layers: bundles(64)}},
		"65 signatures":          {"layer-count", artifact.Manifest{ArtifactType: artifact.TypeSignature, Layers: bundles(65)}},
		"no signature":           {"layer-count", artifact.Manifest{ArtifactType: artifact.TypeSignature}},
		"large signature":        {"size", artifact.Manifest{ArtifactType: artifact.TypeSignature, Layers: large}},
		"head without freshness": {"layer-count", artifact.Manifest{ArtifactType: artifact.TypeHead, Layers: bundles(1)}},
		"head of 65":             {"", artifact.Manifest{ArtifactType: artifact.TypeHead, Layers: bundles(65)}},
		"head of 66":             {"layer-count", artifact.Manifest{ArtifactType: artifact.TypeHead, Layers: bundles(66)}},
		"release of 64":          {"", artifact.Manifest{ArtifactType: artifact.TypeRelease, Layers: release}},
		"release of 65":          {"layer-count", artifact.Manifest{ArtifactType: artifact.TypeRelease, Layers: append(release, bundles(1)...)}},
		"no type":                {"artifact-type", artifact.Manifest{Layers: bundles(1)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := c.manifest.Encode()
			if ruleOf(t, err) != c.rule {
				t.Fatalf("got %v, want rule %q", err, c.rule)
			}
			if err != nil {
				return
			}
			again, err := artifact.Decode(data, c.manifest.ArtifactType)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.manifest, again); diff != "" {
				t.Errorf("manifest: -in +out\n%s", diff)
			}
		})
	}
}

// TestAnyPackComesBack draws names from what a title may hold.
func TestAnyPackComesBack(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	const letters = "abcXYZ019._-+!~@=,;()[]{}'&$ "
	for range 300 {
		var names []string
		for range 1 + random.IntN(5) {
			name := make([]byte, 1+random.IntN(40))
			for i := range name {
				name[i] = letters[random.IntN(len(letters))]
			}
			names = append(names, string(name)+"-1.0-py3-none-any.whl")
		}
		slices.Sort(names)
		var files []artifact.File
		for _, name := range slices.Compact(names) {
			files = append(files, file(name))
		}
		m, err := artifact.FileManifest(files...)
		bad := slices.ContainsFunc(names, func(s string) bool { return s[0] == '.' || strings.Contains(s, " ") })
		if bad {
			if ruleOf(t, err) != "filename" {
				t.Fatalf("%q: %v", names, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%q: %v", names, err)
		}
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := artifact.DecodeFiles(data, artifact.TypeWheel); err != nil || !cmp.Equal(files, got) {
			t.Fatalf("%q: %v\n%s", names, err, cmp.Diff(files, got))
		}
	}
}

func TestBlobBounds(t *testing.T) {
	t.Parallel()
	d := digest.FromString("x")
	for name, c := range map[string]struct {
		rule string
		blob artifact.Blob
	}{
		"one byte":          {"", artifact.Blob{Digest: d, Size: 1}},
		"the largest":       {"", artifact.Blob{Digest: d, Size: 1<<53 - 1}},
		"two to the 53":     {"size", artifact.Blob{Digest: d, Size: 1 << 53}},
		"nothing":           {"size", artifact.Blob{Digest: d}},
		"negative":          {"size", artifact.Blob{Digest: d, Size: -1}},
		"no digest":         {"digest", artifact.Blob{Size: 1}},
		"sha512":            {"digest", artifact.Blob{Digest: digest.Digest("sha512:" + strings.Repeat("0", 128)), Size: 1}},
		"upper case":        {"digest", artifact.Blob{Digest: digest.Digest(strings.ToUpper(string(d))), Size: 1}},
		"a digit too many":  {"digest", artifact.Blob{Digest: d + "0", Size: 1}},
		"a line end":        {"digest", artifact.Blob{Digest: d[:70] + "\n", Size: 1}},
		"not a hexadecimal": {"digest", artifact.Blob{Digest: d[:70] + "g", Size: 1}},
	} {
		if got := ruleOf(t, c.blob.Check()); got != c.rule {
			t.Errorf("%s: rule %q, want %q", name, got, c.rule)
		}
	}
	if artifact.HexDigest(d.Encoded()) != d {
		t.Error("HexDigest is not the inverse of Encoded")
	}
}

func TestDecodeBoundsItsInput(t *testing.T) {
	t.Parallel()
	for artifactType, limit := range map[string]int{artifact.TypeWheel: artifact.MaxPackManifest, artifact.TypeSdist: artifact.MaxManifest, artifact.TypeHead: artifact.MaxManifest} {
		for extra, rule := range []string{"json", "too-large"} {
			data := []byte(strings.Repeat(" ", limit+extra))
			if _, err := artifact.Decode(data, artifactType); ruleOf(t, err) != rule {
				t.Errorf("%s of %d bytes: %v, want rule %q", artifactType, len(data), err, rule)
			}
		}
	}
}

func TestViolationSaysRuleAndDetail(t *testing.T) {
	t.Parallel()
	if got := artifact.Violates("size", "%d", 3).Error(); got != "size: 3" {
		t.Errorf("got %q", got)
	}
	if got := (&artifact.Violation{Rule: "size"}).Error(); got != "size" {
		t.Errorf("got %q", got)
	}
}
