// Package signtest has key pairs for tests: the same name gives the same key on
// every machine, so that signed golden files can be reproduced. They are public
// knowledge and must never sign anything real.
package signtest

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
)

// Key is the Ed25519 key pair whose seed is the SHA-256 of name, with its PEM
// files (the private one as plain PKCS #8).
func Key(t testing.TB, name string) (signer sign.Signer, public dsse.PublicKey, privatePEM, publicPEM []byte) {
	t.Helper()
	return pair(t, dsse.Ed25519, name)
}

// ECDSA is [Key] for an ECDSA P-256 key, whose scalar is the SHA-256 of name.
func ECDSA(t testing.TB, name string) (signer sign.Signer, public dsse.PublicKey, privatePEM, publicPEM []byte) {
	t.Helper()
	return pair(t, dsse.ECDSAP256, name)
}

func pair(t testing.TB, kind, name string) (sign.Signer, dsse.PublicKey, []byte, []byte) {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	privatePEM, publicPEM, err := sign.Generate(kind, nil, bytes.NewReader(seed[:]))
	if err != nil {
		t.Fatalf("test key %q: %v", name, err)
	}
	signer, err := sign.Load(privatePEM, nil)
	if err != nil {
		t.Fatalf("test key %q: %v", name, err)
	}
	return signer, signer.Public(), privatePEM, publicPEM
}
