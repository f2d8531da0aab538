package shim

import (
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/simple"
)

// encoding is a content coding of pages.
type encoding int

// The codings, in ascending order of preference.
const (
	identity encoding = iota
	gzipped
	zstandard
)

const encodings = 3

// String is the name in HTTP.
func (e encoding) String() string { return [...]string{"identity", "gzip", "zstd"}[e] }

// chooseEncoding chooses by the Accept-Encoding headers (RFC 9110 section
// 12.5.3): the highest quality, among equals the one that packs best. Nothing
// acceptable is identity too, as clients cope with that better than with 406.
func chooseEncoding(accept []string) encoding {
	const unset = -1
	quality := [encodings]int{unset, unset, unset}
	anything := unset
	for _, header := range accept {
		for element := range strings.SplitSeq(header, ",") {
			coding, parameters, _ := strings.Cut(element, ";")
			q := 1000
			if name, value, ok := strings.Cut(parameters, "="); ok && strings.EqualFold(strings.TrimSpace(name), "q") {
				if q, ok = simple.ParseQuality(strings.TrimSpace(value)); !ok {
					continue
				}
			}
			switch coding = strings.TrimSpace(coding); {
			case coding == "*":
				anything = q
			case strings.EqualFold(coding, "identity"):
				quality[identity] = q
			case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"):
				quality[gzipped] = q
			case strings.EqualFold(coding, "zstd"):
				quality[zstandard] = q
			}
		}
	}
	best, bestQuality := identity, max(quality[identity], 0)
	for _, e := range [...]encoding{gzipped, zstandard} {
		q := quality[e]
		if q == unset {
			q = anything
		}
		if q > 0 && q >= bestQuality {
			best, bestQuality = e, q
		}
	}
	return best
}
