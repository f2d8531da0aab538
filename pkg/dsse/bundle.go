package dsse

import (
	"errors"
	"fmt"

	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// BundleMediaType is the media type of a sigstore bundle v0.3, inside the
// bundle and of the blob that holds it.
const BundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// bundleMediaTypeOld is the earlier spelling of the same version.
const bundleMediaTypeOld = "application/vnd.dev.sigstore.bundle+json;version=0.3"

// MaxBundleSize is the limit, in bytes, for an encoded bundle.
const MaxBundleSize = 1 << 20

// ErrNoMatch says that none of the given keys made a bundle's signature. The
// bundle may be fine and meant for someone else.
var ErrNoMatch = errors.New("no given key made the signature")

// Bundle is a sigstore bundle v0.3 with a key signature. Hint names the key for
// whoever wants to look it up; it is unsigned and never decides anything here.
type Bundle struct {
	Envelope Envelope
	Hint     string
}

type wireBundle struct {
	Envelope  *wireEnvelope  `json:"dsseEnvelope,omitzero"`
	MediaType string         `json:"mediaType"`
	Message   strictjson.Raw `json:"messageSignature,omitzero"`
	Material  wireMaterial   `json:"verificationMaterial"`
}

// wireMaterial lists all members of the protobuf message. Log entries and
// timestamps are read over: a keyed signature does not depend on them.
type wireMaterial struct {
	Certificate strictjson.Raw `json:"certificate,omitzero"`
	PublicKey   *wirePublicKey `json:"publicKey,omitzero"`
	Timestamps  strictjson.Raw `json:"timestampVerificationData,omitzero"`
	LogEntries  strictjson.Raw `json:"tlogEntries,omitzero"`
	Chain       strictjson.Raw `json:"x509CertificateChain,omitzero"`
}

type wirePublicKey struct {
	Hint string `json:"hint,omitzero"`
}

// EncodeBundle writes a bundle as RFC 8785 JSON. A key id in the envelope is
// left out: sigstore-go and cosign leave it out too and skip a signature whose
// key id is not the one they compute, even if it equals the hint, as the
// bundle's specification would have it.
func EncodeBundle(e Envelope, hint string) ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("encode bundle: %w", err)
	}
	w := e.wire()
	w.Signatures[0].KeyID = ""
	data, err := strictjson.Marshal(wireBundle{
		Envelope:  &w,
		MediaType: BundleMediaType,
		Material:  wireMaterial{PublicKey: &wirePublicKey{Hint: hint}},
	})
	if err != nil {
		return nil, fmt.Errorf("encode bundle: %w", err)
	}
	if len(data) > MaxBundleSize {
		return nil, fmt.Errorf("encode bundle: %d bytes, more than the limit of %d", len(data), MaxBundleSize)
	}
	return data, nil
}

// DecodeBundle reads a sigstore bundle v0.3 of at most [MaxBundleSize] bytes
// with a DSSE envelope, one signature and a public key hint, as this package or
// another sigstore client wrote it: white space, order of members, log entries
// and timestamps do not matter. Members unknown to v0.3, duplicate members and
// bundles with a certificate are refused. Nothing is verified yet.
func DecodeBundle(data []byte) (Bundle, error) {
	if len(data) > MaxBundleSize {
		return Bundle{}, fmt.Errorf("decode bundle: %d bytes, more than the limit of %d", len(data), MaxBundleSize)
	}
	var w wireBundle
	if err := strictjson.Unmarshal(data, &w); err != nil {
		return Bundle{}, fmt.Errorf("decode bundle: %w", err)
	}
	if w.MediaType != BundleMediaType && w.MediaType != bundleMediaTypeOld {
		return Bundle{}, fmt.Errorf("decode bundle: media type is %.80q, want %q", w.MediaType, BundleMediaType)
	}
	switch {
	case present(w.Message):
		return Bundle{}, errors.New("decode bundle: it signs a file (messageSignature), want a statement (dsseEnvelope)")
	case w.Envelope == nil:
		return Bundle{}, errors.New("decode bundle: no dsseEnvelope")
	case present(w.Material.Certificate) || present(w.Material.Chain):
		return Bundle{}, errors.New("decode bundle: signed with a certificate, want a key (verificationMaterial.publicKey)")
	case w.Material.PublicKey == nil:
		return Bundle{}, errors.New("decode bundle: no verificationMaterial.publicKey")
	}
	e, err := w.Envelope.envelope()
	if err != nil {
		return Bundle{}, fmt.Errorf("decode bundle: %w", err)
	}
	return Bundle{Envelope: e, Hint: w.Material.PublicKey.Hint}, nil
}

// present is false for a missing member and for null, which protobuf's JSON
// mapping reads the same.
func present(raw strictjson.Raw) bool { return len(raw) > 0 && string(raw) != "null" }

// VerifyBundle tries each key and returns the statement, its exact bytes and
// the key that signed it. The payload is parsed only after its signature has
// verified. If no key fits, the error matches [ErrNoMatch]; any other error is
// a bundle or statement that is not well formed.
//
// Predicate type and subject are the caller's to compare: [Statement.Require].
func VerifyBundle(b Bundle, keys []PublicKey) (statement *Statement, payload []byte, key PublicKey, err error) {
	if err := b.Envelope.check(); err != nil {
		return nil, nil, PublicKey{}, fmt.Errorf("verify bundle: %w", err)
	}
	for _, k := range keys {
		if b.Envelope.Verify(k) != nil {
			continue
		}
		s, err := DecodeStatement(b.Envelope.Payload)
		if err != nil {
			return nil, nil, PublicKey{}, fmt.Errorf("verify bundle: signed by key %s: %w", k.KeyID(), err)
		}
		return s, b.Envelope.Payload, k, nil
	}
	return nil, nil, PublicKey{}, fmt.Errorf("verify bundle: %w (tried %d; the bundle names %.64q)", ErrNoMatch, len(keys), b.Hint)
}
