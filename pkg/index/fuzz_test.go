package index_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// seed adds the vectors of a kind, valid and invalid.
func seed(f *testing.F, kinds ...string) {
	f.Helper()
	for _, kind := range kinds {
		paths, err := filepath.Glob(filepath.Join("../../test/vectors", kind, "*", "*.json"))
		if err != nil || len(paths) == 0 {
			f.Fatalf("no vectors of kind %s: %v", kind, err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
}

// same wants a document that decoded to encode to the same bytes, and one that
// did not to break a rule.
func same(t *testing.T, data []byte, decoded error, encode func() ([]byte, error)) {
	t.Helper()
	if decoded != nil {
		ruleOf(t, decoded)
		return
	}
	again, err := encode()
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("%s decodes, but encodes to %s, %v", data, again, err)
	}
}

func FuzzDecodeCatalog(f *testing.F) {
	seed(f, "catalog")
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := index.DecodeCatalog(data)
		same(t, data, err, func() ([]byte, error) { return c.Encode() })
		if err != nil {
			return
		}
		// What the catalog describes can be built and read, too.
		built, err := index.Build(catalogEntry, signatureEntry, c)
		if err == nil {
			_, err = index.Decode(built)
		}
		if err != nil && ruleOf(t, err) != "duplicate-entry" {
			t.Errorf("%s: %v", data, err)
		}
		retired, err := index.BuildRetired(c)
		if err == nil && retired != nil {
			_, err = index.DecodeRetired(retired)
		}
		if err != nil {
			t.Errorf("%s: retired: %v", data, err)
		}
		s := index.Subset{Newest: 1, Platforms: []string{"linux_x86_64"}}
		keeps := s.Keeps(c)
		for _, file := range c.Files {
			keeps(file)
			c.Target.Admits(file)
		}
	})
}

// encodeEntries is how the specification has it, written down once more.
func encodeEntries(entries []index.Entry) ([]byte, error) {
	list := []any{}
	for _, e := range entries {
		m := map[string]any{
			"digest": e.Digest, "mediaType": artifact.MediaTypeManifest, "size": e.Size,
			"platform": map[string]any{"architecture": "unknown", "os": "unknown"},
		}
		if e.Role != "" {
			m["annotations"] = map[string]any{"io.github.pinwheel-oci.role": e.Role}
		}
		list = append(list, m)
	}
	return strictjson.Marshal(map[string]any{"manifests": list, "mediaType": artifact.MediaTypeIndex, "schemaVersion": 2})
}

func FuzzDecodeIndex(f *testing.F) {
	seed(f, "revision", "retired")
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := index.Decode(data)
		same(t, data, err, func() ([]byte, error) { return encodeEntries(entries) })
		retired, err := index.DecodeRetired(data)
		same(t, data, err, func() ([]byte, error) { return encodeEntries(retired) })
	})
}

func FuzzDecodeRelease(f *testing.F) {
	seed(f, "release")
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := index.DecodeRelease(data)
		same(t, data, err, func() ([]byte, error) { return r.Encode() })
	})
}

func FuzzDecodeSubset(f *testing.F) {
	seed(f, "subset")
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := index.DecodeSubset(data)
		same(t, data, err, func() ([]byte, error) { return s.Encode() })
	})
}

func FuzzDecodeStatement(f *testing.F) {
	seed(f, "statements/revision", "statements/promotion", "statements/freshness", "statements/release")
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := dsse.DecodeStatement(data)
		if err != nil {
			return
		}
		again := func(s dsse.Statement, err error) func() ([]byte, error) {
			return func() ([]byte, error) {
				if err != nil {
					return nil, err
				}
				return s.Encode()
			}
		}
		p, err := index.DecodePromotion(s)
		same(t, data, err, again(p.Statement()))
		fresh, err := index.DecodeFreshness(s)
		same(t, data, err, again(fresh.Statement()))
		manifest := digest.NewDigestFromEncoded(digest.SHA256, s.Subject[0].Digest["sha256"])
		c, err := index.DecodeClaims(s, manifest)
		if err == nil {
			same(t, data, err, again(c.Statement(manifest)))
		}
	})
}

// ociTag is the grammar of the OCI distribution specification.
var ociTag = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

func FuzzParseName(f *testing.F) {
	for _, name := range []string{"tools/3.4/cpu-ubi9", "a.b/0.0ea1/x", "tools/3.4/cpu.head", "//", "tools/3.4/cpu\n"} {
		f.Add(name, "builder-1")
	}
	f.Fuzz(func(t *testing.T, s, writer string) {
		n, err := index.ParseName(s)
		if err != nil {
			ruleOf(t, err)
			return
		}
		if n.String() != s {
			t.Errorf("%q is read as %q", s, n)
		}
		tags := []string{n.LiveTag(), n.HeadTag(), n.RetiredTag(), n.SubsetTag(), n.CandidateTag(), n.RevisionTag(artifact.MaxInteger), n.HeadHistoryTag(artifact.MaxInteger)}
		if stage, err := n.StageTag(writer); err == nil {
			tags = append(tags, stage)
		}
		for _, tag := range tags {
			if !ociTag.MatchString(tag) {
				t.Errorf("%q of %q is not a tag", tag, s)
			}
		}
	})
}
