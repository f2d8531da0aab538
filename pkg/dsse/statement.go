package dsse

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// StatementType is the _type of an in-toto Statement v1.
const StatementType = "https://in-toto.io/Statement/v1"

// Statement is an in-toto Statement v1, cut down to what Pinwheel's formats
// use: a subject has a name and one sha256 digest, nothing else.
type Statement struct {
	Type          string         `json:"_type"`
	Subject       []Subject      `json:"subject"`
	PredicateType string         `json:"predicateType"`
	Predicate     strictjson.Raw `json:"predicate,omitzero"`
}

// Subject is one thing that a [Statement] is about. Digest has the single
// member sha256, 64 lower-case hex digits; Name may be empty.
type Subject struct {
	Digest map[string]string `json:"digest"`
	Name   string            `json:"name,omitzero"`
}

// NewStatement makes a statement about one subject; sha256 is 64 lower-case
// hex digits (no "sha256:"), and predicate encodes to a JSON object.
func NewStatement(predicateType, subjectName, sha256 string, predicate any) (Statement, error) {
	raw, err := strictjson.Marshal(predicate)
	if err != nil {
		return Statement{}, fmt.Errorf("encode predicate: %w", err)
	}
	s := Statement{
		Type:          StatementType,
		Subject:       []Subject{{Name: subjectName, Digest: map[string]string{"sha256": sha256}}},
		PredicateType: predicateType,
		Predicate:     raw,
	}
	return s, s.check()
}

// Encode gives the payload to sign: RFC 8785 JSON, so that equal statements are
// equal bytes.
func (s Statement) Encode() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("encode statement: %w", err)
	}
	data, err := strictjson.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode statement: %w", err)
	}
	return data, nil
}

// DecodeStatement reads a payload and refuses whatever [Statement.Encode] would
// not have written, byte for byte. The caller bounds the payload;
// [DecodeBundle] does. The error matches [strictjson.ErrNotCanonical] if the
// statement is readable but spelled differently.
func DecodeStatement(payload []byte) (*Statement, error) {
	var s Statement
	if err := strictjson.UnmarshalCanonical(payload, &s); err != nil {
		return nil, fmt.Errorf("decode statement: %w", err)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("decode statement: %w", err)
	}
	return &s, nil
}

// Require returns nil if s is of that predicate type and about exactly one
// subject, the one with that SHA-256 (64 lower-case hex digits). A signature
// alone says neither: an SBOM signed with the same key is a good signature too.
func (s *Statement) Require(predicateType, subjectSHA256 string) error {
	if predicateType == "" || !isSHA256(subjectSHA256) {
		return fmt.Errorf("require statement: %.80q is not a SHA-256 in hex, or no predicate type is given", subjectSHA256)
	}
	if s.PredicateType != predicateType {
		return fmt.Errorf("statement: predicate type is %.200q, want %q", s.PredicateType, predicateType)
	}
	if n := len(s.Subject); n != 1 {
		return fmt.Errorf("statement: %d subjects, want exactly one", n)
	}
	if got := s.Subject[0].Digest["sha256"]; got != subjectSHA256 {
		return fmt.Errorf("statement: subject is sha256 %.64q, want %s", got, subjectSHA256)
	}
	return nil
}

func (s *Statement) check() error {
	if s.Type != StatementType {
		return fmt.Errorf("_type is %.80q, want %q", s.Type, StatementType)
	}
	if s.PredicateType == "" {
		return errors.New("no predicateType")
	}
	if len(s.Subject) == 0 {
		return errors.New("no subject")
	}
	for i, sub := range s.Subject {
		if len(sub.Digest) != 1 || !isSHA256(sub.Digest["sha256"]) {
			return fmt.Errorf("subject %d: want exactly one digest, sha256 with 64 lower-case hex digits", i)
		}
	}
	if s.Predicate != nil && (len(s.Predicate) == 0 || s.Predicate[0] != '{') {
		return errors.New("predicate is not an object")
	}
	return nil
}

func isSHA256(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 32 && hex.EncodeToString(raw) == s
}
