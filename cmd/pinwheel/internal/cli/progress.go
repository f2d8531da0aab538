package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/term"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// progress shows on a terminal how far transfers are; elsewhere it is silent.
type progress struct {
	mu      sync.Mutex
	w       io.Writer
	now     func() time.Time
	shown   time.Time
	stored  int
	skipped int
	want    map[digest.Digest]int64 // files that may be sent, with their sizes
	sent    map[digest.Digest]int64 // how much of each was
}

func (p *program) newProgress() *progress {
	f, ok := p.err.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return newProgress(p.err, p.now)
}

func newProgress(w io.Writer, now func() time.Time) *progress {
	return &progress{w: w, now: now, want: map[digest.Digest]int64{}, sent: map[digest.Digest]int64{}}
}

// expect says which files are to be sent.
func (b *progress) expect(plan *publish.Plan) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range plan.Uploads {
		b.want[artifact.HexDigest(u.File.SHA256)] = u.File.Size
	}
}

const progressEvery = 200 * time.Millisecond

func (b *progress) event(e registry.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e.Kind {
	case registry.EventSent:
		b.sent[e.Desc.Digest] = e.Bytes
	case registry.EventPushed:
		b.stored++
		b.sent[e.Desc.Digest] = e.Desc.Size
	case registry.EventSkipped, registry.EventMounted:
		b.skipped++
		delete(b.want, e.Desc.Digest)
	default:
	}
	if now := b.now(); now.Sub(b.shown) >= progressEvery {
		b.shown = now
		sent, want := b.bytes()
		fmt.Fprintf(b.w, "\r\x1b[K%s of %s sent, %d stored, %d there already", size(sent), size(want), b.stored, b.skipped)
	}
}

// bytes counts wheels and sdists; all else is small.
func (b *progress) bytes() (sent, want int64) {
	for d, n := range b.want {
		sent += b.sent[d]
		want += n
	}
	return sent, want
}

// done clears the line.
func (b *progress) done() {
	if b != nil {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	default:
		return fmt.Sprintf("%d B", n)
	}
}
