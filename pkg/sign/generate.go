package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
)

// Generate makes a key pair of kind [dsse.ECDSAP256] or [dsse.Ed25519].
//
// With a password the private key is an "ENCRYPTED SIGSTORE PRIVATE KEY", which
// the cosign program reads too; with an empty one it is plain PKCS #8, which
// cosign wants imported first (cosign import-key-pair). Note that cosign 2.6.5
// signs with Ed25519 keys in the pre-hashed variant, which neither this module
// nor cosign's own verify accepts: a key meant for both programs must be ECDSA.
//
// The key is a function of what random gives (nil: [crypto/rand.Reader]); the
// salt and nonce of the encryption always come from crypto/rand.
func Generate(kind string, password []byte, random io.Reader) (privatePEM, publicPEM []byte, err error) {
	if random == nil {
		random = rand.Reader
	}
	key, err := generate(kind, random)
	if err != nil {
		return nil, nil, fmt.Errorf("generate key: %w", err)
	}
	signer, err := New(key)
	if err != nil {
		return nil, nil, fmt.Errorf("generate key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("generate key: %w", err)
	}
	block := &pem.Block{Type: pemPKCS8, Bytes: der}
	if len(password) > 0 {
		box, err := encrypted.Encrypt(der, password)
		if err != nil {
			return nil, nil, fmt.Errorf("generate key: encrypt: %w", err)
		}
		block = &pem.Block{Type: pemSigstore, Bytes: box}
	}
	return pem.EncodeToMemory(block), signer.Public().PEM(), nil
}

func generate(kind string, random io.Reader) (crypto.PrivateKey, error) {
	seed := make([]byte, 32)
	switch kind {
	case dsse.Ed25519:
		if _, err := io.ReadFull(random, seed); err != nil {
			return nil, err
		}
		return ed25519.NewKeyFromSeed(seed), nil
	case dsse.ECDSAP256:
		// ecdsa.GenerateKey ignores its source of randomness, so the scalar is
		// drawn here: FIPS 186-5, A.2.2, rejection sampling. One draw in 2^32
		// is out of range; more than a few mean that random is broken.
		for range 8 {
			if _, err := io.ReadFull(random, seed); err != nil {
				return nil, err
			}
			if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed); err == nil {
				return key, nil
			}
		}
		return nil, fmt.Errorf("the source of randomness gave no valid key")
	}
	return nil, fmt.Errorf("kind %q is not supported, use %s or %s", kind, dsse.ECDSAP256, dsse.Ed25519)
}
