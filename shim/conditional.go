package shim

import "strings"

// noneMatch evaluates If-None-Match (RFC 9110 section 13.1.2): true if the
// client has this representation already.
func noneMatch(values []string, etag string) bool {
	for _, header := range values {
		for candidate := range strings.SplitSeq(header, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
				return true
			}
		}
	}
	return false
}

// ifRange evaluates If-Range (section 13.1.5): true if a range may be sent. It
// takes strong entity tags only; there are no dates here to compare with.
func ifRange(values []string, etag string) bool {
	return len(values) == 0 || len(values) == 1 && strings.TrimSpace(values[0]) == etag
}
