package artifact

import (
	"errors"
	"fmt"

	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// Violation says which rule of docs/format.md a document breaks. Rule is
// stable: test/vectors names its invalid documents by it.
type Violation struct {
	Rule   string
	Detail string
}

func (v *Violation) Error() string {
	if v.Detail == "" {
		return v.Rule
	}
	return v.Rule + ": " + v.Detail
}

// Violates returns a [Violation] as an error.
func Violates(rule, format string, args ...any) error {
	return &Violation{Rule: rule, Detail: fmt.Sprintf(format, args...)}
}

// Within adds where in a document a rule is broken; the rule stays.
func Within(where string, err error) error {
	var v *Violation
	if errors.As(err, &v) {
		return &Violation{Rule: v.Rule, Detail: where + ": " + v.Detail}
	}
	return err
}

// DecodeCanonical decodes a document of at most limit bytes into v, by the
// rules that all documents of the format share: "too-large", "json" (not
// strict JSON of that shape) and "canonical".
func DecodeCanonical(data []byte, limit int, v any) error {
	if len(data) > limit {
		return Violates("too-large", "%d bytes, the limit is %d", len(data), limit)
	}
	err := strictjson.UnmarshalCanonical(data, v)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strictjson.ErrNotCanonical):
		return Violates("canonical", "%v", err)
	default:
		return Violates("json", "%v", err)
	}
}
