package sign_test

import (
	"encoding/json"
	"testing"

	"github.com/pinwheel-oci/pinwheel/test/signtest"
)

// enforcer is the podman/skopeo image library with registries.d set so that it
// reads and writes .sig tags. Debian's own skopeo cannot verify them: see
// test/signtest/imagepolicy.
type enforcer struct {
	program
	registriesD string
}

func needEnforcer(t *testing.T) enforcer {
	t.Helper()
	p := need(t, "imagepolicy")
	p.file(t, "default.yaml", []byte("default-docker:\n  use-sigstore-attachments: true\n"))
	return enforcer{p, p.dir}
}

// policy writes a policy.json that takes images of scope (a repository) signed
// by the key in keyPath and nothing else.
func (e enforcer) policy(t *testing.T, name, scope, keyPath string, identity map[string]string) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"default": []any{map[string]string{"type": "reject"}},
		"transports": map[string]any{"docker": map[string]any{scope: []any{map[string]any{
			"type": "sigstoreSigned", "keyPath": keyPath, "signedIdentity": identity,
		}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e.file(t, name, data)
}

func (e enforcer) copy(policy, from, to string) []string {
	return []string{"--policy", policy, "--registries.d", e.registriesD, "//" + from, to}
}

func TestPolicyJSONEnforcesSigManifest(t *testing.T) {
	t.Parallel()
	e := needEnforcer(t)
	s := newStore(t)
	signer, _, _, pubPEM := signtest.ECDSA(t, "release")
	_, _, _, otherPEM := signtest.ECDSA(t, "other")
	pub, other := e.file(t, "release.pub", pubPEM), e.file(t, "other.pub", otherPEM)
	index, manifest := s.artifacts(t, "rev.1")
	_, unsigned := s.artifacts(t, "rev.2")
	s.sign(t, signer, manifest, s.name+":rev.1", s.name+":live")
	s.sign(t, signer, index, s.name+":rev.1", s.name+":live")
	signed := s.name + "@" + manifest.Digest.String()

	byDefault := map[string]string{"type": "matchRepoDigestOrExact"}
	good := e.policy(t, "good.json", s.name, pub, byDefault)
	e.ok(t, e.copy(good, signed, t.TempDir())...)
	e.ok(t, e.copy(e.policy(t, "exact.json", s.name, pub, map[string]string{"type": "matchExact"}), s.name+":rev.1", t.TempDir())...)
	e.refused(t, "A signature was required, but no signature exists",
		e.copy(good, s.name+"@"+unsigned.Digest.String(), t.TempDir())...)
	e.refused(t, "cryptographic signature verification failed",
		e.copy(e.policy(t, "other.json", s.name, other, byDefault), signed, t.TempDir())...)

	// A mirror that the library makes, writing the .sig manifest anew, where
	// one rule maps identities back to the source.
	mirror := newStore(t)
	copied := mirror.name + "@" + manifest.Digest.String()
	e.ok(t, e.copy(good, signed, "//"+mirror.name+":copy")...)
	remap := map[string]string{"type": "remapIdentity", "prefix": mirror.name, "signedPrefix": s.name}
	e.ok(t, e.copy(e.policy(t, "mirror.json", mirror.name, pub, remap), copied, t.TempDir())...)
	strict := e.policy(t, "mirror-default.json", mirror.name, pub, byDefault)
	e.refused(t, "is not accepted", e.copy(strict, copied, t.TempDir())...)
	if got := len(mirror.signatures(t, manifest.Digest)); got != 2 {
		t.Errorf("%d signatures at the mirror, want 2", got)
	}
	// What the library rewrote is still a manifest that we can add to.
	mirror.sign(t, signer, manifest, mirror.name+":copy")
	e.ok(t, e.copy(strict, copied, t.TempDir())...)
}

// TestPolicyJSONTakesEd25519 holds SigLayers' documentation to what the library
// does with the other kind of key.
func TestPolicyJSONTakesEd25519(t *testing.T) {
	t.Parallel()
	e := needEnforcer(t)
	s := newStore(t)
	signer, _, _, pubPEM := signtest.Key(t, "release")
	_, _, _, otherPEM := signtest.Key(t, "other")
	_, manifest := s.artifacts(t, "rev.1")
	s.sign(t, signer, manifest, s.name+":rev.1")
	signed := s.name + "@" + manifest.Digest.String()
	identity := map[string]string{"type": "matchRepository"}
	e.ok(t, e.copy(e.policy(t, "p.json", s.name, e.file(t, "ed.pub", pubPEM), identity), signed, t.TempDir())...)
	e.refused(t, "cryptographic signature verification failed",
		e.copy(e.policy(t, "o.json", s.name, e.file(t, "other.pub", otherPEM), identity), signed, t.TempDir())...)
}
