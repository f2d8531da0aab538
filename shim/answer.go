package shim

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// Whoever sends or takes less than paceBytes in paceTime is cut off. It is a
// deadline for each megabyte, not for the file, because wheels can have
// gigabytes, and not for each read, because then one byte a minute would do.
const (
	paceBytes = 1 << 20
	// Longer than it takes a client of that pace to drain the kernel's send
	// buffer of a few MiB, which looks like a pause from here.
	paceTime = 5 * time.Minute
)

// answer writes the head of an answer with its first byte, so that an error
// before it can still become another answer.
type answer struct {
	http.ResponseWriter
	status  int
	started bool
	err     error // of writing: the client's side
}

func (a *answer) start() {
	if !a.started {
		a.started = true
		a.WriteHeader(a.status)
	}
}

// Write sends some bytes.
func (a *answer) Write(p []byte) (int, error) {
	a.start()
	n, err := a.ResponseWriter.Write(p)
	if err != nil {
		a.err = err
	}
	return n, err
}

// copyN sends the next n bytes of r.
func (a *answer) copyN(r io.Reader, n int64, buf []byte) (sent int64, err error) {
	if file, ok := r.(*os.File); ok {
		// The kernel copies, if nothing stands between it and the connection.
		a.start()
		sent, err = io.CopyN(a.ResponseWriter, file, n)
		if err != nil && !errors.Is(err, io.EOF) {
			a.err = err
		}
		return sent, shortIsWrong(err)
	}
	// Not by ReadFrom, which would hide whose error it is.
	sent, err = io.CopyBuffer(struct{ io.Writer }{a}, io.LimitReader(r, n), buf)
	if err == nil && sent < n {
		err = io.ErrUnexpectedEOF
	}
	return sent, shortIsWrong(err)
}

// pace cuts off a store or a client that is too slow.
type pace struct {
	client *http.ResponseController
	store  *time.Timer
	moved  int64 // bytes since the deadlines were set
}

// newPace starts the clock; cutStore makes reading from the store end. Deadlines
// of connections are in the system's time, so this uses no other clock.
func newPace(w http.ResponseWriter, cutStore func()) *pace {
	p := &pace{client: http.NewResponseController(w), store: time.AfterFunc(paceTime, cutStore)}
	p.restart()
	return p
}

func (p *pace) restart() {
	p.moved = 0
	p.store.Reset(paceTime)
	// Writers that know no deadline, as in tests, need none.
	_ = p.client.SetWriteDeadline(time.Now().Add(paceTime))
}

// progress tells that n more bytes have moved.
func (p *pace) progress(n int64) {
	if p.moved += n; p.moved >= paceBytes {
		p.restart()
	}
}

// stop ends it. The next answer on the connection has a deadline of its own, or
// none, so this one is taken away once everything is out of our hands. Without
// a start there is nothing to flush, and flushing would send a head.
func (p *pace) stop(started bool) {
	p.store.Stop()
	if !started || p.client.Flush() == nil {
		_ = p.client.SetWriteDeadline(time.Time{})
	}
}
