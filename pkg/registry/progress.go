package registry

import (
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// EventKind says what an [Event] tells.
type EventKind int

const (
	// EventSent says that Bytes of the blob have been sent so far. The number falls
	// when an upload has to begin again.
	EventSent EventKind = iota
	// EventPushed says that the blob is stored; Bytes is its size.
	EventPushed
	// EventSkipped says that the blob was there already.
	EventSkipped
	// EventMounted says that the blob came from another repository of the registry.
	EventMounted
	// EventReceived says that Bytes is the position up to which the blob has been read.
	EventReceived
)

// Event is one step in the transfer of one blob or manifest.
type Event struct {
	Kind  EventKind
	Desc  ocispec.Descriptor
	Bytes int64
}

// progressReader reports how much has been read of one content.
type progressReader struct {
	r      io.Reader
	desc   ocispec.Descriptor
	kind   EventKind
	done   int64
	report func(Event)
}

func (p *progressReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if n > 0 {
		p.done += int64(n)
		p.report(Event{Kind: p.kind, Desc: p.desc, Bytes: p.done})
	}
	return n, err
}

// receiving wraps a fetched body so that reading it is reported. It stays a
// Seeker if it is one.
func receiving(rc io.ReadCloser, desc ocispec.Descriptor, offset int64, report func(Event)) io.ReadCloser {
	if report == nil {
		return rc
	}
	p := &progressReader{r: rc, desc: desc, kind: EventReceived, done: offset, report: report}
	if s, ok := rc.(io.Seeker); ok {
		return &seekingBody{progressReader: p, closer: rc, seeker: s}
	}
	return &body{progressReader: p, closer: rc}
}

type body struct {
	*progressReader
	closer io.Closer
}

func (b *body) Close() error { return b.closer.Close() }

type seekingBody struct {
	*progressReader
	closer io.Closer
	seeker io.Seeker
}

func (b *seekingBody) Close() error { return b.closer.Close() }

func (b *seekingBody) Seek(offset int64, whence int) (int64, error) {
	n, err := b.seeker.Seek(offset, whence)
	if err == nil {
		b.done = n
	}
	return n, err
}
