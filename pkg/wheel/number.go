package wheel

import (
	"cmp"
	"strings"
)

// number is a non-negative decimal integer of any size, without leading zeros.
// Versions do hold numbers beyond 64 bits: dates with fractions, and commit
// hashes in local versions that happen to be all digits.
type number string

// newNumber takes ASCII digits; none at all is 0, as in "1.0rc".
func newNumber(digits string) number {
	if digits = strings.TrimLeft(digits, "0"); digits != "" {
		return number(digits)
	}
	return "0"
}

func (n number) compare(m number) int {
	if c := cmp.Compare(len(n), len(m)); c != 0 {
		return c
	}
	return strings.Compare(string(n), string(m))
}
