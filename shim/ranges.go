package shim

import (
	"net/http"
	"strconv"
	"strings"
)

// span is a part of a file: length bytes from offset on.
type span struct{ offset, length int64 }

// end is the offset after the last byte.
func (s span) end() int64 { return s.offset + s.length }

// rangeOf reads a Range header (RFC 9110 section 14.2) for a file of size
// bytes. whole says that the header is to be passed over: there is none, it is
// of another unit, does not parse or wants several ranges. Otherwise ok says
// whether the range is within the file.
func rangeOf(values []string, size int64) (s span, whole, ok bool) {
	all := span{0, size}
	if len(values) != 1 {
		return all, true, true
	}
	unit, spec, found := strings.Cut(values[0], "=")
	if !found || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return all, true, true
	}
	first, last, found := strings.Cut(strings.TrimSpace(spec), "-")
	if !found || strings.Contains(spec, ",") {
		return all, true, true
	}
	if first == "" {
		n, valid := parsePosition(last)
		if !valid {
			return all, true, true
		}
		n = min(n, size)
		return span{size - n, n}, false, n > 0
	}
	from, valid := parsePosition(first)
	if !valid {
		return all, true, true
	}
	to := size - 1
	if last != "" {
		if to, valid = parsePosition(last); !valid || to < from {
			return all, true, true
		}
		to = min(to, size-1)
	}
	return span{from, to - from + 1}, false, from < size
}

// parsePosition reads digits only; what is too large for a number is beyond
// every file.
func parsePosition(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 1<<63 - 1, true
	}
	return n, true
}

// wanted decides what part of a file is to be sent and sets the headers that
// say so. HEAD knows no ranges.
func wanted(w http.ResponseWriter, r *http.Request, etag string, size int64) (part span, status int, err error) {
	h := w.Header()
	part, whole, ok := span{0, size}, true, true
	if r.Method == http.MethodGet && ifRange(r.Header["If-Range"], etag) {
		part, whole, ok = rangeOf(r.Header["Range"], size)
	}
	if !ok {
		h.Set("Content-Range", "bytes */"+strconv.FormatInt(size, 10))
		return span{}, 0, problem{
			Status: http.StatusRequestedRangeNotSatisfiable, Title: "Range beyond the file",
			Detail: "The file has " + strconv.FormatInt(size, 10) + " bytes.",
		}
	}
	h.Set("Content-Length", strconv.FormatInt(part.length, 10))
	if whole {
		return part, http.StatusOK, nil
	}
	h.Set("Content-Range", "bytes "+strconv.FormatInt(part.offset, 10)+"-"+strconv.FormatInt(part.end()-1, 10)+"/"+strconv.FormatInt(size, 10))
	return part, http.StatusPartialContent, nil
}
