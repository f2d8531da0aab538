package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// reading shows on a terminal how far files are read. A nil one is silent.
type reading struct {
	mu    sync.Mutex
	w     io.Writer
	now   func() time.Time
	shown time.Time
	files int
	done  int
	want  int64 // bytes to be read; each file is read twice
	read  int64
}

func (p *program) newReading(files []inspected) *reading {
	if p.newProgress() == nil { // not a terminal
		return nil
	}
	return newReading(p.err, p.now, files)
}

func newReading(w io.Writer, now func() time.Time, files []inspected) *reading {
	b := &reading{w: w, now: now, shown: now(), files: len(files)}
	for _, f := range files {
		b.want += 2 * f.size
	}
	return b
}

// watch counts what is read of a file.
func (b *reading) watch(r io.ReaderAt) io.ReaderAt {
	if b == nil {
		return r
	}
	return watched{r, b}
}

type watched struct {
	io.ReaderAt
	bar *reading
}

func (w watched) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.ReaderAt.ReadAt(p, off)
	w.bar.add(n, 0)
	return n, err
}

// finished counts a file.
func (b *reading) finished() {
	if b != nil {
		b.add(0, 1)
	}
}

func (b *reading) add(bytes, files int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read += int64(bytes)
	b.done += files
	if now := b.now(); now.Sub(b.shown) >= progressEvery {
		b.shown = now
		fmt.Fprintf(b.w, "\r\x1b[K%d of %d files checked, %s of %s", b.done, b.files, size(min(b.read, b.want)/2), size(b.want/2))
	}
}

// clear removes the line.
func (b *reading) clear() {
	if b != nil {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
