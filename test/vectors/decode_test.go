package vectors_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// Outcomes that are not rules of a document but of what is around it.
const (
	ruleStatement = "statement" // not an in-toto statement in canonical form
	ruleBundle    = "bundle"    // not a sigstore bundle v0.3 with one keyed signature
	ruleNoMatch   = "no-match"  // no key of the vectors made the signature
	ruleBuild     = "build"     // an index that is not what its catalog says
	ruleGzip      = "gzip"      // not exactly one gzip member
)

// decode reads the vector kind/valid/name.json or kind/invalid/name.json with
// the decoder of its kind and returns the rule that it breaks, or "".
func decode(t testing.TB, kind, name string, data []byte) (rule string, err error) {
	t.Helper()
	// What signed vectors are about: those that are not valid are all derived
	// from one that is.
	predicate, about := "promotion", name
	if strings.Contains(name, "--") {
		about = "full"
		if strings.HasSuffix(kind, "release") {
			about = "two"
		}
	} else if kind == "bundles" {
		predicate, about, _ = strings.Cut(name, "-")
		about, _, _ = strings.Cut(about, "-")
	}
	switch kind {
	case "wheel":
		_, err = artifact.DecodeFiles(data, artifact.TypeWheel)
	case "sdist":
		_, err = artifact.DecodeFiles(data, artifact.TypeSdist)
	case "catalog-manifest":
		_, err = artifact.Decode(data, artifact.TypeCatalog)
	case "signature":
		_, err = artifact.Decode(data, artifact.TypeSignature)
	case "head":
		_, err = artifact.Decode(data, artifact.TypeHead)
	case "release-manifest":
		_, err = artifact.Decode(data, artifact.TypeRelease)
	case "subset-manifest":
		_, err = artifact.Decode(data, artifact.TypeSubset)
	case "catalog":
		_, err = index.DecodeCatalog(data)
	case "catalog-gzip":
		return decodeGzip(data)
	case "release":
		_, err = index.DecodeRelease(data)
	case "subset":
		_, err = index.DecodeSubset(data)
	case "revision":
		_, err = index.Decode(data)
	case "retired":
		_, err = index.DecodeRetired(data)
	case "bundles":
		return decodeBundle(t, predicate, about, data)
	default:
		predicate, ok := strings.CutPrefix(kind, "statements/")
		if !ok {
			t.Fatalf("no decoder for vectors of kind %q", kind)
		}
		s, err := dsse.DecodeStatement(data)
		if err != nil {
			return ruleStatement, err
		}
		return decodeStatement(t, predicate, about, s)
	}
	return ruleOf(t, err), err
}

func ruleOf(t testing.TB, err error) string {
	t.Helper()
	var v *artifact.Violation
	switch {
	case err == nil:
		return ""
	case errors.As(err, &v):
		return v.Rule
	}
	t.Errorf("the error is not a violation: %v", err)
	return "?"
}

func decodeGzip(data []byte) (string, error) {
	decoded, err := verify.Gunzip(data, index.MaxCatalog)
	if err != nil {
		return ruleGzip, err
	}
	if _, err := index.DecodeCatalog(decoded); err != nil {
		return "catalog", err
	}
	return "", nil
}

// decodeStatement reads the predicate of a statement about the valid vector
// called about.
func decodeStatement(t testing.TB, predicate, about string, s *dsse.Statement) (string, error) {
	t.Helper()
	var err error
	switch predicate {
	case "revision":
		_, err = index.DecodeClaims(s, digest.FromBytes(read(t, "catalog-manifest/valid/"+about+".json")))
	case "promotion":
		_, err = index.DecodePromotion(s)
	case "freshness":
		_, err = index.DecodeFreshness(s)
	case "release":
		r := must(index.DecodeRelease(read(t, "release/valid/"+about+".json")))(t)
		err = r.CheckStatement(s)
	default:
		t.Fatalf("no decoder for predicates of kind %q", predicate)
	}
	return ruleOf(t, err), err
}

// decodeBundle verifies with the keys of the vectors but the stranger's.
func decodeBundle(t testing.TB, predicate, about string, data []byte) (string, error) {
	t.Helper()
	b, err := dsse.DecodeBundle(data)
	if err != nil {
		return ruleBundle, err
	}
	var keys []dsse.PublicKey
	for _, name := range []string{"ed25519", "ecdsa"} {
		keys = append(keys, must(dsse.ParsePublicKey(read(t, "bundles/keys/"+name+".pub")))(t))
	}
	s, _, _, err := dsse.VerifyBundle(b, keys)
	switch {
	case errors.Is(err, dsse.ErrNoMatch):
		return ruleNoMatch, err
	case err != nil:
		return ruleStatement, err
	}
	return decodeStatement(t, predicate, about, s)
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	return must(os.ReadFile(path))(t)
}
