// Package dsse reads and verifies signed statements with public keys.
//
// A statement (in-toto Statement v1) is the payload of a DSSE envelope with one
// signature, and the envelope travels in a sigstore bundle v0.3. Nothing here
// can sign, and nothing here fetches: the programs that only read link this
// package, and it is meant to stay small enough to be reviewed at one sitting.
//
// A good signature says only that a key signed these bytes. What was signed
// (predicate type, subject, claims) is for the caller to compare, see
// [Statement.Require].
package dsse

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
)

// PayloadType is the one DSSE payload type in use: an in-toto statement.
const PayloadType = "application/vnd.in-toto+json"

// ErrSignature says that a signature does not belong to the message and key.
var ErrSignature = errors.New("signature does not verify")

// Envelope is a DSSE envelope (DSSE v1.0), decoded: Payload and Sig hold the
// bytes, not their base64.
type Envelope struct {
	PayloadType string
	Payload     []byte
	// Signatures of a valid envelope has exactly one element: DSSE allows
	// more, sigstore bundles do not.
	Signatures []Signature
}

// Signature is one signature of an [Envelope] over [PAE] of its payload. KeyID
// is a hint written by the signer and covered by nothing.
type Signature struct {
	KeyID string
	Sig   []byte
}

// PAE is DSSE's pre-authentication encoding: the bytes that are signed.
func PAE(payloadType string, payload []byte) []byte {
	b := make([]byte, 0, len(payload)+len(payloadType)+48)
	b = append(b, "DSSEv1 "...)
	b = strconv.AppendInt(b, int64(len(payloadType)), 10)
	b = append(b, ' ')
	b = append(b, payloadType...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(payload)), 10)
	b = append(b, ' ')
	return append(b, payload...)
}

// Verify returns nil if the envelope is well formed and its one signature is
// by key. The error matches [ErrSignature] if only the signature is wrong.
func (e Envelope) Verify(key PublicKey) error {
	if err := e.check(); err != nil {
		return err
	}
	return key.Verify(PAE(e.PayloadType, e.Payload), e.Signatures[0].Sig)
}

// check holds what every envelope of ours must fulfil, read or written.
func (e Envelope) check() error {
	if e.PayloadType != PayloadType {
		return fmt.Errorf("envelope: payload type is %.80q, want %q", e.PayloadType, PayloadType)
	}
	if len(e.Payload) == 0 {
		return errors.New("envelope: no payload")
	}
	if n := len(e.Signatures); n != 1 {
		return fmt.Errorf("envelope: %d signatures, want exactly one", n)
	}
	if len(e.Signatures[0].Sig) == 0 {
		return errors.New("envelope: signature is empty")
	}
	return nil
}

type wireEnvelope struct {
	Payload     string          `json:"payload"`
	PayloadType string          `json:"payloadType"`
	Signatures  []wireSignature `json:"signatures"`
}

type wireSignature struct {
	KeyID string `json:"keyid,omitzero"`
	Sig   string `json:"sig"`
}

func (e Envelope) wire() wireEnvelope {
	w := wireEnvelope{Payload: base64.StdEncoding.EncodeToString(e.Payload), PayloadType: e.PayloadType}
	for _, s := range e.Signatures {
		w.Signatures = append(w.Signatures, wireSignature{KeyID: s.KeyID, Sig: base64.StdEncoding.EncodeToString(s.Sig)})
	}
	return w
}

func (w wireEnvelope) envelope() (Envelope, error) {
	payload, err := decodeBase64(w.Payload)
	if err != nil {
		return Envelope{}, fmt.Errorf("envelope: payload: %w", err)
	}
	e := Envelope{PayloadType: w.PayloadType, Payload: payload}
	for _, s := range w.Signatures {
		sig, err := decodeBase64(s.Sig)
		if err != nil {
			return Envelope{}, fmt.Errorf("envelope: signature: %w", err)
		}
		e.Signatures = append(e.Signatures, Signature{KeyID: s.KeyID, Sig: sig})
	}
	return e, e.check()
}

// decodeBase64 takes the standard alphabet with padding and nothing else, so
// that bytes have one spelling. The library skips line breaks, hence the length.
func decodeBase64(s string) ([]byte, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, err
	}
	if base64.StdEncoding.EncodedLen(len(data)) != len(s) {
		return nil, errors.New("base64 with line breaks")
	}
	return data, nil
}
