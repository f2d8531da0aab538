package facts

import (
	"bytes"
	"errors"
	"io"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// What numpy's import_array() leaves in the C code that calls it: the message
// for a NumPy that is too old, and where the headers of NumPy 2 look first.
var (
	numpyMessage = []byte("API version 0x%x")
	numpyLevel   = []byte(" (NumPy ")
	numpyTwo     = []byte("numpy._core._multiarray_umath")
)

const (
	scanWindow  = 256 << 10
	scanOverlap = 64 // more than any text that is looked for
)

// scanNumPy returns what [Library.NumPy] holds for a file: the texts are in the
// bytes of the C API's table of versions, nothing else tells of them.
func scanNumPy(r io.ReaderAt, size int64) (string, error) {
	var level string
	var legacy, two bool
	buf := make([]byte, min(size, scanWindow))
	for off := int64(0); off < size; off += scanWindow - scanOverlap {
		b := buf[:min(size-off, int64(len(buf)))]
		// What begins in the overlap is seen whole in the next window.
		own := len(b)
		if off+int64(len(b)) < size {
			own -= scanOverlap
		}
		if n, err := r.ReadAt(b, off); n < len(b) && err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		two = two || bytes.Contains(b, numpyTwo)
		for at := 0; ; {
			i := bytes.Index(b[at:], numpyMessage)
			if i < 0 || at+i >= own {
				break
			}
			at += i + len(numpyMessage)
			if found := levelAfter(b[at:]); found == "" {
				legacy = true
			} else {
				level = newer(level, found)
			}
		}
	}
	switch {
	case level != "" && two:
		return level, nil
	case level != "" || legacy && !two:
		return NumPyLegacy, nil
	}
	return "", nil
}

// levelAfter reads "1.20" from " (NumPy 1.20)".
func levelAfter(b []byte) string {
	b, ok := bytes.CutPrefix(b, numpyLevel)
	if !ok {
		return ""
	}
	end := bytes.IndexByte(b[:min(len(b), 12)], ')')
	if end < 1 {
		return ""
	}
	v, err := wheel.ParseVersion(string(b[:end]))
	if err != nil {
		return ""
	}
	return v.String()
}

// newer returns the newer of two versions; both are valid or empty.
func newer(a, b string) string {
	x, errA := wheel.ParseVersion(a)
	y, errB := wheel.ParseVersion(b)
	if errA != nil || errB == nil && x.Compare(y) < 0 {
		return b
	}
	return a
}
