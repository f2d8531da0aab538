package policy

import (
	"fmt"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/pinwheel-oci/pinwheel/pkg/strictyaml"
)

// duration is a Go duration ("24h") or days ("7d").
type duration time.Duration

// UnmarshalYAML reads a duration.
func (d *duration) UnmarshalYAML(node ast.Node) error { return strictyaml.Scalar(node, d.parse) }

func (d *duration) parse(s string) error {
	if n := len(s) - 1; n > 0 && s[n] == 'd' {
		var days int
		if _, err := fmt.Sscanf(s, "%dd", &days); err != nil || fmt.Sprintf("%dd", days) != s || days < 0 || days > 36500 {
			return fmt.Errorf("duration %q: want a number of days such as 7d", s)
		}
		*d = duration(time.Duration(days) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 || v > maxDuration {
		return fmt.Errorf("duration %q: want such as 90m, 24h or 7d, at most 36500d", s)
	}
	*d = duration(v)
	return nil
}

// maxDuration keeps sums of durations and times from overflowing.
const maxDuration = 36500 * 24 * time.Hour

// instant is a time in RFC 3339. A type of its own, because the library takes
// a time that it cannot read for none, which would let a key live for ever. A
// date alone is refused: for an end, the day's beginning is hardly meant.
type instant time.Time

// UnmarshalYAML reads a time.
func (i *instant) UnmarshalYAML(node ast.Node) error { return strictyaml.Scalar(node, i.parse) }

func (i *instant) parse(text string) error {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("time %q: want such as 2027-01-31T23:59:59Z", text)
	}
	*i = instant(t)
	return nil
}

// number is an integer from 1 on, as all numbers in a policy are; the library
// would take "2" and 2.0 too.
type number uint64

// UnmarshalYAML reads a number.
func (n *number) UnmarshalYAML(node ast.Node) error { return strictyaml.Scalar(node, n.parse) }

func (n *number) parse(text string) error {
	v, err := strconv.ParseUint(text, 10, 53)
	if err != nil || v == 0 || text != strconv.FormatUint(v, 10) {
		return fmt.Errorf("number %q: want a whole number from 1 on", text)
	}
	*n = number(v)
	return nil
}

// or returns the number, or a default where there is none.
func (n *number) or(other uint64) uint64 {
	if n == nil {
		return other
	}
	return uint64(*n)
}
