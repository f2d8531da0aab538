// Package sign makes signatures with private keys.
//
// It loads and generates keys, signs statements into sigstore bundles and makes
// cosign's .sig manifests. It does no registry I/O, and only the programs that
// write import it; what verifies is package dsse.
//
// Signatures are deterministic (RFC 6979 for ECDSA, RFC 8032 for Ed25519): the
// same key over the same message gives the same bytes, so that a publication
// that is run again from its plan ends at the same digests.
package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
)

// Signer signs with one private key.
type Signer interface {
	// Sign returns a signature over message that Public().Verify accepts.
	Sign(message []byte) ([]byte, error)
	// Public is the key that verifies what Sign makes.
	Public() dsse.PublicKey
}

// keySigner is a [Signer] with the key in memory.
type keySigner struct {
	private any // *ecdsa.PrivateKey on P-256 or ed25519.PrivateKey
	public  dsse.PublicKey
}

var _ Signer = (*keySigner)(nil)

// New makes a Signer of an *ecdsa.PrivateKey on P-256 or an ed25519.PrivateKey.
// Any other key is an error.
func New(private crypto.PrivateKey) (Signer, error) {
	var public crypto.PublicKey
	switch k := private.(type) {
	case *ecdsa.PrivateKey:
		public = &k.PublicKey
	case ed25519.PrivateKey:
		if len(k) != ed25519.PrivateKeySize {
			return nil, fmt.Errorf("private key: Ed25519 key has %d bytes, want %d", len(k), ed25519.PrivateKeySize)
		}
		public = k.Public()
	default:
		return nil, fmt.Errorf("private key: %T is not supported, use ECDSA P-256 or Ed25519", private)
	}
	pub, err := dsse.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	return &keySigner{private: private, public: pub}, nil
}

func (s *keySigner) Public() dsse.PublicKey { return s.public }

func (s *keySigner) Sign(message []byte) ([]byte, error) {
	switch k := s.private.(type) {
	case *ecdsa.PrivateKey:
		sum := sha256.Sum256(message)
		// Without a source of randomness the library signs as RFC 6979 says.
		return k.Sign(nil, sum[:], crypto.SHA256)
	case ed25519.PrivateKey:
		return ed25519.Sign(k, message), nil
	}
	return nil, fmt.Errorf("sign: %T is not supported", s.private)
}

// signChecked signs and verifies the result, so that a signer whose halves do
// not belong together (a key service with the wrong public key, a fault) is
// found before anything is written.
func signChecked(s Signer, message []byte) ([]byte, error) {
	sig, err := s.Sign(message)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if err := s.Public().Verify(message, sig); err != nil {
		return nil, fmt.Errorf("sign: the new signature is not good: %w", err)
	}
	return sig, nil
}

// Bundle signs a statement and returns the encoded sigstore bundle, one
// signature in it. Sign the same statement with each key to meet a threshold.
func Bundle(s Signer, statement dsse.Statement) ([]byte, error) {
	payload, err := statement.Encode()
	if err != nil {
		return nil, err
	}
	sig, err := signChecked(s, dsse.PAE(dsse.PayloadType, payload))
	if err != nil {
		return nil, err
	}
	return dsse.EncodeBundle(dsse.Envelope{
		PayloadType: dsse.PayloadType,
		Payload:     payload,
		Signatures:  []dsse.Signature{{Sig: sig}},
	}, s.Public().Hint())
}
