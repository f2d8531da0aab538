package artifact_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
)

var types = []struct{ kind, artifactType string }{
	{"wheel", artifact.TypeWheel}, {"sdist", artifact.TypeSdist}, {"catalog-manifest", artifact.TypeCatalog},
	{"signature", artifact.TypeSignature}, {"head", artifact.TypeHead}, {"release-manifest", artifact.TypeRelease},
	{"subset-manifest", artifact.TypeSubset},
}

// FuzzDecode wants whatever decodes to encode back to the same bytes.
func FuzzDecode(f *testing.F) {
	for i, kind := range types {
		paths, err := filepath.Glob(filepath.Join("../../test/vectors", kind.kind, "*", "*.json"))
		if err != nil || len(paths) == 0 {
			f.Fatalf("no vectors of kind %s: %v", kind.kind, err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), data)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		artifactType := types[int(which)%len(types)].artifactType
		m, err := artifact.Decode(data, artifactType)
		if err != nil {
			if ruleOf(t, err) == "" {
				t.Error("an error without a rule")
			}
			return
		}
		again, err := m.Encode()
		if err != nil || !bytes.Equal(data, again) {
			t.Errorf("%s decodes, but encodes to %s, %v", data, again, err)
		}
		if artifactType != artifact.TypeWheel && artifactType != artifact.TypeSdist {
			return
		}
		files, err := artifact.DecodeFiles(data, artifactType)
		if err != nil {
			t.Fatal(err)
		}
		rebuilt, err := artifact.FileManifest(files...)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := rebuilt.Encode(); err != nil || !bytes.Equal(data, again) {
			t.Errorf("%s has files that make %s, %v", data, again, err)
		}
	})
}
