package sign_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/test/signtest"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// predicateType is some predicate type: the package does not care which.
const predicateType = "https://registry.example/predicate/v1"

// program runs an external program in an empty environment and directory.
type program struct {
	path, dir string
	env       []string
}

func need(t *testing.T, name string) program {
	t.Helper()
	p := program{path: tools.Need(t, name), dir: t.TempDir()}
	// cosign wants to renew its trusted root even where only a key is used; a
	// closed port of this machine keeps it from the network, and it goes on.
	p.env = []string{"HOME=" + p.dir, "DOCKER_CONFIG=" + p.dir, "COSIGN_PASSWORD=secret", "PATH=/usr/bin:/bin",
		"TUF_MIRROR=http://127.0.0.1:1"}
	return p
}

func (p program) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.path, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (p program) ok(t *testing.T, args ...string) {
	t.Helper()
	if out, err := p.run(t, args...); err != nil {
		t.Errorf("%s %s: %v\n%s", filepath.Base(p.path), strings.Join(args, " "), err, out)
	}
}

// refused wants a failure that says why, so that a wrong flag does not pass.
func (p program) refused(t *testing.T, why string, args ...string) {
	t.Helper()
	out, err := p.run(t, args...)
	if err == nil || !strings.Contains(out, why) {
		t.Errorf("%s %s: %v, want an error with %q\n%s", filepath.Base(p.path), strings.Join(args, " "), err, why, out)
	}
}

func (p program) file(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (p program) read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// store is one repository of a registry on the loopback device.
type store struct {
	*remote.Repository
	name string // host:port/path
}

func newStore(t *testing.T) store {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	name := strings.TrimPrefix(server.URL, "http://") + "/wheels/demo"
	repo, err := remote.NewRepository(name)
	if err != nil {
		t.Fatal(err)
	}
	repo.PlainHTTP = true
	// Without this the client would write a fallback tag for the subject.
	if err := repo.SetReferrersCapability(true); err != nil {
		t.Fatal(err)
	}
	return store{repo, name}
}

func (s store) push(t *testing.T, mediaType string, data []byte, tag string) ocispec.Descriptor {
	t.Helper()
	var desc ocispec.Descriptor
	var err error
	if tag != "" {
		desc, err = oras.TagBytes(t.Context(), s.Repository, mediaType, data, tag)
	} else {
		desc, err = oras.PushBytes(t.Context(), s.Repository, mediaType, data)
	}
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

func (s store) pushJSON(t *testing.T, mediaType string, v any, tag string) ocispec.Descriptor {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return s.push(t, mediaType, data, tag)
}

// artifacts pushes a revision as ours are: an index with one artifact manifest.
func (s store) artifacts(t *testing.T, tag string) (index, manifest ocispec.Descriptor) {
	t.Helper()
	s.push(t, sign.EmptyConfig().MediaType, []byte("{}"), "")
	layer := s.push(t, "application/vnd.example.catalog", []byte(`{"tag":"`+tag+`"}`), "")
	manifest = s.pushJSON(t, ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: "application/vnd.example.catalog", Config: sign.EmptyConfig(), Layers: []ocispec.Descriptor{layer},
	}, "")
	index = s.pushJSON(t, ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{manifest},
	}, tag)
	return index, manifest
}

// sign adds signatures to what is under the .sig tag of subject.
func (s store) sign(t *testing.T, signer sign.Signer, subject ocispec.Descriptor, identities ...string) {
	t.Helper()
	layers, err := sign.SigLayers(signer, subject.Digest, identities)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		s.push(t, l.Descriptor.MediaType, l.Payload, "")
	}
	data, err := sign.SigManifest(s.signatures(t, subject.Digest), layers, subject)
	if err != nil {
		t.Fatal(err)
	}
	s.push(t, ocispec.MediaTypeImageManifest, data, sign.SigTag(subject.Digest))
}

func (s store) signatures(t *testing.T, subject digest.Digest) []ocispec.Descriptor {
	t.Helper()
	desc, err := s.Resolve(t.Context(), sign.SigTag(subject))
	if err != nil {
		return nil
	}
	data, err := content.FetchAll(t.Context(), s.Repository, desc)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := sign.ParseSigManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	return layers
}

func (s store) tags(t *testing.T) (all []string) {
	t.Helper()
	err := s.Tags(context.WithoutCancel(t.Context()), "", func(tags []string) error {
		all = append(all, tags...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func verifyArgs(pub, ref string) []string {
	return []string{"verify", "--key", pub, "--insecure-ignore-tlog", "--allow-http-registry", ref}
}

func TestCosignVerifiesSigManifest(t *testing.T) {
	t.Parallel()
	cosign := need(t, "cosign")
	keys := map[string]func(testing.TB, string) (sign.Signer, dsse.PublicKey, []byte, []byte){
		"ecdsa": signtest.ECDSA, "ed25519": signtest.Key,
	}
	for name, key := range keys {
		s := newStore(t)
		signer, _, _, pubPEM := key(t, "release")
		_, _, _, otherPEM := key(t, "other")
		pub, other := cosign.file(t, name+".pub", pubPEM), cosign.file(t, name+"-other.pub", otherPEM)
		index, manifest := s.artifacts(t, "rev.1")
		changed, _ := s.artifacts(t, "rev.2")
		for _, subject := range []ocispec.Descriptor{index, manifest} {
			s.sign(t, signer, subject, s.name+":rev.1", s.name+":live")
			ref := s.name + "@" + subject.Digest.String()
			cosign.ok(t, verifyArgs(pub, ref)...)
			cosign.refused(t, "no matching signatures", verifyArgs(other, ref)...)
		}
		cosign.refused(t, "no signatures found", verifyArgs(pub, s.name+"@"+changed.Digest.String())...)
		if got := len(s.tags(t)); got != 4 {
			t.Errorf("%s: %d tags %v, want rev.1, rev.2 and two signatures", name, got, s.tags(t))
		}

		// The signature of one manifest under the tag of another.
		layers, err := sign.SigLayers(signer, index.Digest, []string{s.name + ":rev.1"})
		if err != nil {
			t.Fatal(err)
		}
		moved, err := sign.SigManifest(nil, layers, changed)
		if err != nil {
			t.Fatal(err)
		}
		s.push(t, ocispec.MediaTypeImageManifest, moved, sign.SigTag(changed.Digest))
		cosign.refused(t, "invalid or missing digest in claim", verifyArgs(pub, s.name+"@"+changed.Digest.String())...)
	}
}

// TestSharesSigManifestWithCosign lets cosign and this package sign the same
// manifest in turn: no signature of the other may get lost.
func TestSharesSigManifestWithCosign(t *testing.T) {
	t.Parallel()
	cosign := need(t, "cosign")
	s := newStore(t)
	index, _ := s.artifacts(t, "rev.1")
	ref := s.name + "@" + index.Digest.String()
	ours, _, _, oursPEM := signtest.ECDSA(t, "ours")
	pub := cosign.file(t, "ours.pub", oursPEM)
	cosign.ok(t, "generate-key-pair")

	cosignSign := []string{"sign", "-y", "--key", "cosign.key", "--tlog-upload=false", "--allow-http-registry", ref}
	cosign.ok(t, cosignSign...)
	s.sign(t, ours, index, s.name+":rev.1")
	cosign.ok(t, verifyArgs("cosign.pub", ref)...)
	cosign.ok(t, verifyArgs(pub, ref)...)

	cosign.ok(t, cosignSign...)
	before := len(s.signatures(t, index.Digest))
	s.sign(t, ours, index, s.name+":rev.1")
	if after := len(s.signatures(t, index.Digest)); after != before {
		t.Errorf("signing again went from %d to %d signatures, want no change", before, after)
	}
	s.sign(t, ours, index, s.name+":live")
	if after := len(s.signatures(t, index.Digest)); after != before+1 {
		t.Errorf("another identity went from %d to %d signatures, want one more", before, after)
	}
	cosign.ok(t, verifyArgs("cosign.pub", ref)...)
	cosign.ok(t, verifyArgs(pub, ref)...)
}

func TestCosignKeysWorkHere(t *testing.T) {
	t.Parallel()
	cosign := need(t, "cosign")
	cosign.ok(t, "generate-key-pair")
	if _, err := sign.Load(cosign.read(t, "cosign.key"), password("wrong")); err == nil {
		t.Error("a cosign key loads with the wrong password")
	}
	signer, err := sign.Load(cosign.read(t, "cosign.key"), password("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(signer.Public().PEM()), string(cosign.read(t, "cosign.pub")); got != want {
		t.Errorf("public key is\n%swant\n%s", got, want)
	}
	s := newStore(t)
	index, _ := s.artifacts(t, "rev.1")
	s.sign(t, signer, index, s.name+":rev.1")
	cosign.ok(t, verifyArgs("cosign.pub", s.name+"@"+index.Digest.String())...)
}

func TestCosignTakesOurKeys(t *testing.T) {
	t.Parallel()
	cosign := need(t, "cosign")
	priv, pub, err := sign.Generate(dsse.ECDSAP256, []byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	cosign.file(t, "k.key", priv)
	cosign.file(t, "k.pub", pub)
	cosign.ok(t, "public-key", "--key", "k.key", "--outfile", "again.pub")
	if got := cosign.read(t, "again.pub"); !bytes.Equal(got, pub) {
		t.Errorf("cosign derives the public key\n%swant\n%s", got, pub)
	}
	s := newStore(t)
	index, _ := s.artifacts(t, "rev.1")
	ref := s.name + "@" + index.Digest.String()
	cosign.ok(t, "sign", "-y", "--key", "k.key", "--tlog-upload=false", "--allow-http-registry", ref)
	cosign.ok(t, verifyArgs("k.pub", ref)...)

	// An unencrypted key goes into cosign by import.
	plain, pub, err := sign.Generate(dsse.ECDSAP256, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	cosign.file(t, "plain.key", plain)
	cosign.ok(t, "import-key-pair", "--key", "plain.key", "--output-key-prefix", "imported")
	if got := cosign.read(t, "imported.pub"); !bytes.Equal(got, pub) {
		t.Errorf("cosign imports the public key\n%swant\n%s", got, pub)
	}
}

// emptyTrustedRoot keeps cosign off the network: a key needs no trusted root,
// but the program wants to see one.
const emptyTrustedRoot = `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`

func TestCosignVerifiesBundle(t *testing.T) {
	t.Parallel()
	cosign := need(t, "cosign")
	blob := []byte("some bytes\n")
	cosign.file(t, "blob", blob)
	cosign.file(t, "root.json", []byte(emptyTrustedRoot))
	sum := sha256.Sum256(blob)
	statement, err := dsse.NewStatement(predicateType, "blob", hex.EncodeToString(sum[:]), map[string]int{"serial": 1})
	if err != nil {
		t.Fatal(err)
	}
	ed, _, _, edPEM := signtest.Key(t, "release")
	ec, _, _, ecPEM := signtest.ECDSA(t, "release")
	cosign.file(t, "ed.pub", edPEM)
	cosign.file(t, "ec.pub", ecPEM)
	verify := func(name, typ string) []string {
		return []string{"verify-blob-attestation", "--bundle", name + ".bundle", "--key", name + ".pub", "--type", typ,
			"--trusted-root", "root.json", "--insecure-ignore-tlog", "blob"}
	}
	for name, signer := range map[string]sign.Signer{"ed": ed, "ec": ec} {
		data, err := sign.Bundle(signer, statement)
		if err != nil {
			t.Fatal(err)
		}
		cosign.file(t, name+".bundle", data)
		cosign.ok(t, verify(name, predicateType)...)
		cosign.refused(t, "invalid predicate type", verify(name, predicateType+"x")...)
	}
	cosign.file(t, "ed.pub", ecPEM)
	cosign.refused(t, "could not verify envelope", verify("ed", predicateType)...)
}

// TestReadsCosignBundle: cosign's bundle is read and its signature holds, but
// its statement is an older version and not canonical, so it never passes for
// one of ours.
func TestReadsCosignBundle(t *testing.T) {
	t.Parallel()
	cosign := need(t, "cosign")
	cosign.ok(t, "generate-key-pair")
	cosign.file(t, "blob", []byte("some bytes\n"))
	cosign.file(t, "predicate.json", []byte("{}"))
	cosign.ok(t, "attest-blob", "-y", "--key", "cosign.key", "--bundle", "b", "--new-bundle-format", "--tlog-upload=false",
		"--type", predicateType, "--predicate", "predicate.json", "blob")
	b, err := dsse.DecodeBundle(cosign.read(t, "b"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := dsse.ParsePublicKey(cosign.read(t, "cosign.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if b.Hint != key.Hint() {
		t.Errorf("cosign's hint is %q, ours %q", b.Hint, key.Hint())
	}
	if err := b.Envelope.Verify(key); err != nil {
		t.Error(err)
	}
	if _, _, _, err := dsse.VerifyBundle(b, []dsse.PublicKey{key}); err == nil {
		t.Error("cosign's statement passes for a canonical one")
	}
}

func password(s string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(s), nil }
}
