package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// progress shows on a terminal how far transfers are; elsewhere it is silent.
type progress struct {
	mu      sync.Mutex
	w       io.Writer
	now     func() time.Time
	shown   time.Time
	files   int
	skipped int
	bytes   int64
}

func (p *program) newProgress() *progress {
	f, ok := p.err.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &progress{w: p.err, now: p.now}
}

const progressEvery = 200 * time.Millisecond

func (b *progress) event(e registry.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e.Kind {
	case registry.EventPushed:
		b.files++
		b.bytes += e.Desc.Size
	case registry.EventSkipped, registry.EventMounted:
		b.skipped++
	default:
	}
	if now := b.now(); now.Sub(b.shown) >= progressEvery {
		b.shown = now
		fmt.Fprintf(b.w, "\r\x1b[K%d stored, %d there already, %s sent", b.files, b.skipped, size(b.bytes))
	}
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
