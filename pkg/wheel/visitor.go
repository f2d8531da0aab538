package wheel

import "io"

// HeadBytes is how many of a member's first bytes a [Visitor] is shown.
const HeadBytes = 4096

// Visitor is shown the content of a wheel's members while they are checked, so
// that each is unpacked only once. Calls of Visit come one at a time, but from
// several goroutines and not in the order of the archive. What it returned for
// different members is written and closed at the same time, and while Visit is
// called for others. Content is unproven until [Inspect] has returned without
// an error.
type Visitor interface {
	// Visit is called once for each regular member, with its size in bytes and
	// the first [HeadBytes] bytes of it (all, if there are fewer), which are
	// only lent. It returns where the whole content is to be written, or nil if
	// that is not wanted. The bytes come in order and the writer is closed
	// after the last one, also when the member turns out to be bad; then not
	// all bytes have come. Errors of Visit and of the writer end Inspect and
	// are returned by it, wrapped.
	Visit(name string, size int64, head []byte) (io.WriteCloser, error)
}
