package dsse

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
)

// MaxKeySize is the limit, in bytes, for a public key file.
const MaxKeySize = 16 << 10

// Kinds of keys: the values of [PublicKey.Kind].
const (
	ECDSAP256 = "ecdsa-p256"
	Ed25519   = "ed25519"
)

// PublicKey is an ECDSA P-256 or Ed25519 public key. Two of them are the same
// key exactly if they are equal by ==, however the files they came from were
// spelled, so a PublicKey can be a map key. The zero value verifies nothing.
type PublicKey struct {
	// spki is the SubjectPublicKeyInfo in DER as this package encodes it. A
	// string rather than a parsed key keeps the type comparable.
	spki string
}

// ParsePublicKey reads one PEM block "PUBLIC KEY" (PKIX, RFC 5280 and 7468)
// with an ECDSA P-256 or Ed25519 key. Text before the block is allowed, a
// second block or anything else after it is not.
func ParsePublicKey(pemBytes []byte) (PublicKey, error) {
	if len(pemBytes) > MaxKeySize {
		return PublicKey{}, fmt.Errorf("parse public key: file has %d bytes, more than the limit of %d", len(pemBytes), MaxKeySize)
	}
	// pem.Decode skips a block that it cannot read; counting first makes sure
	// that the key used is the only one in the file.
	switch n := bytes.Count(pemBytes, []byte("-----BEGIN ")); n {
	case 0:
		return PublicKey{}, errors.New("parse public key: no PEM block (\"-----BEGIN PUBLIC KEY-----\") found")
	case 1:
	default:
		return PublicKey{}, fmt.Errorf("parse public key: %d PEM blocks found, want one key a file", n)
	}
	block, rest := pem.Decode(pemBytes)
	if block == nil {
		return PublicKey{}, errors.New("parse public key: damaged PEM block")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return PublicKey{}, errors.New("parse public key: text after the PEM block")
	}
	if block.Type != "PUBLIC KEY" {
		return PublicKey{}, fmt.Errorf("parse public key: PEM block is %q, want \"PUBLIC KEY\"", block.Type)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return PublicKey{}, fmt.Errorf("parse public key: %w", err)
	}
	return NewPublicKey(key)
}

// NewPublicKey takes an *ecdsa.PublicKey on P-256 or an ed25519.PublicKey.
func NewPublicKey(key any) (PublicKey, error) {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return PublicKey{}, fmt.Errorf("public key: ECDSA on curve %s is not supported, use ECDSA P-256 or Ed25519", k.Params().Name)
		}
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize {
			return PublicKey{}, fmt.Errorf("public key: Ed25519 key has %d bytes, want %d", len(k), ed25519.PublicKeySize)
		}
	default:
		return PublicKey{}, fmt.Errorf("public key: %T is not supported, use ECDSA P-256 or Ed25519", key)
	}
	// Encoded anew, because the identity must not depend on how a file spelled
	// the key: a threshold of two is not met by two spellings of one key.
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return PublicKey{}, fmt.Errorf("public key: %w", err)
	}
	return PublicKey{spki: string(der)}, nil
}

// KeyID is the lower-case hex SHA-256 of the SubjectPublicKeyInfo in DER: 64
// digits, the one name that policies, state and messages use for a key. It is
// empty for the zero value.
func (k PublicKey) KeyID() string {
	if k.spki == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(k.spki))
	return hex.EncodeToString(sum[:])
}

// Hint is what sigstore clients write into a bundle to name this key: base64
// of the SHA-256 of the SubjectPublicKeyInfo. Nothing here ever trusts it.
func (k PublicKey) Hint() string {
	if k.spki == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(k.spki))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Kind is [ECDSAP256] or [Ed25519], empty for the zero value.
func (k PublicKey) Kind() string {
	switch key, _ := k.parsed(); key.(type) {
	case *ecdsa.PublicKey:
		return ECDSAP256
	case ed25519.PublicKey:
		return Ed25519
	}
	return ""
}

// PEM is the key as a PKIX "PUBLIC KEY" block that [ParsePublicKey] reads, nil
// for the zero value.
func (k PublicKey) PEM() []byte {
	if k.spki == "" {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte(k.spki)})
}

// Equal reports whether k and other are the same key.
func (k PublicKey) Equal(other PublicKey) bool { return k == other }

// Verify returns nil if sig is a signature by k over message: for ECDSA an
// ASN.1 DER signature over the message's SHA-256, for Ed25519 (RFC 8032, the
// pure variant) one over the message itself. Otherwise the error matches
// [ErrSignature].
func (k PublicKey) Verify(message, sig []byte) error {
	key, err := k.parsed()
	if err != nil {
		return err
	}
	ok := false
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(message)
		ok = ecdsa.VerifyASN1(key, sum[:], sig)
	case ed25519.PublicKey:
		ok = ed25519.Verify(key, message, sig)
	}
	if !ok {
		return fmt.Errorf("key %s: %w", k.KeyID(), ErrSignature)
	}
	return nil
}

func (k PublicKey) parsed() (any, error) {
	if k.spki == "" {
		return nil, fmt.Errorf("empty public key: %w", ErrSignature)
	}
	return x509.ParsePKIXPublicKey([]byte(k.spki))
}
