// Package strictjson reads and writes the JSON of Pinwheel's formats.
//
// It is strict in what it accepts: duplicate members, members that the Go type
// does not know (a name that differs only in case is unknown), invalid UTF-8
// and anything after the first value are errors. What it writes is canonical
// JSON as RFC 8785 defines it, so equal values have equal bytes.
//
// The standard library's encoding/json is neither, even with
// DisallowUnknownFields: it takes duplicates (the last wins), folds case and
// escapes '<', '>' and '&'. Types given to this package use `json` tags as
// encoding/json/v2 understands them, which is what the underlying library is a
// mirror of.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Raw is one JSON value kept as it stands.
type Raw = jsontext.Value

// ErrNotCanonical says that a document is readable but is not the bytes that
// [Marshal] gives for its content: another order of members, white space,
// another spelling of a number, a member with its default value spelled out, or
// a required member that is missing.
var ErrNotCanonical = errors.New("not in canonical form (RFC 8785)")

// Unmarshal decodes exactly one JSON value from data into v, strictly.
// The caller bounds the size of data.
func Unmarshal(data []byte, v any) error {
	return json.Unmarshal(data, v, json.RejectUnknownMembers(true))
}

// Marshal encodes v as RFC 8785 canonical JSON.
//
// RFC 8785 numbers are IEEE 754 doubles: integers beyond 2^53 do not survive,
// so types that can hold them must bound them before they come here.
func Marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	raw := jsontext.Value(data)
	if err := raw.Canonicalize(); err != nil {
		return nil, err
	}
	return raw, nil
}

// UnmarshalCanonical is [Unmarshal] that also refuses data which is not byte
// for byte what [Marshal] gives for the decoded value. The error then matches
// [ErrNotCanonical] and names the first offset that differs.
func UnmarshalCanonical(data []byte, v any) error {
	if err := Unmarshal(data, v); err != nil {
		return err
	}
	again, err := Marshal(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(data, again) {
		return fmt.Errorf("%w: differs at byte %d", ErrNotCanonical, firstDifference(data, again))
	}
	return nil
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
