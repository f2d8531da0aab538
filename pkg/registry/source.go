package registry

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// source is content to be uploaded, from any position if its reader can seek.
type source struct {
	desc   ocispec.Descriptor
	stream io.Reader // read once, in order
	at     io.ReaderAt
	seeker io.ReadSeeker
	start  int64 // where the content begins in at or seeker

	mu   sync.Mutex
	turn int   // of the reader that may read
	read int64 // of stream
	err  error // of the content itself, not of the connection
}

// newSource checks the size of content that can seek. Streams that are small
// are read by whoever asks first, so that a mount needs no content.
func newSource(r io.Reader, desc ocispec.Descriptor) (*source, error) {
	s := &source{desc: desc}
	seeker, ok := r.(io.ReadSeeker)
	if !ok {
		s.stream = r
		return s, nil
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		// Pipes are files that can't.
		s.stream = r
		return s, nil
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, &contentError{fmt.Errorf("read content: %w", err)}
	}
	if end-start != desc.Size {
		return nil, &contentError{fmt.Errorf("the content has %d bytes, expected %d", end-start, desc.Size)}
	}
	s.start = start
	if at, ok := r.(io.ReaderAt); ok {
		s.at = at
	} else {
		s.seeker = seeker
	}
	return s, nil
}

// from reads the content from a position on.
func (s *source) from(offset int64) (io.Reader, error) {
	if s.stream != nil && s.desc.Size <= MonolithicLimit {
		data, err := content.ReadAll(s.stream, s.desc)
		if err != nil {
			return nil, &contentError{fmt.Errorf("read content: %w", err)}
		}
		s.stream, s.at = nil, bytes.NewReader(data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	switch {
	case s.at != nil:
		return s.reader(io.NewSectionReader(s.at, s.start+offset, s.desc.Size-offset), offset), nil
	case s.seeker != nil:
		if _, err := s.seeker.Seek(s.start+offset, io.SeekStart); err != nil {
			return nil, &contentError{fmt.Errorf("read content: %w", err)}
		}
		return s.reader(s.seeker, offset), nil
	}
	if s.read != offset {
		return nil, &contentError{fmt.Errorf("go on at %d after %d bytes: %w", offset, s.read, errNotRepeatable)}
	}
	return s.reader(s.stream, offset), nil
}

// repeatable tells whether the content can be read from its beginning.
func (s *source) repeatable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stream == nil || s.read == 0
}

// ended checks that a stream has no more than was announced.
func (s *source) ended() error {
	if s.stream == nil {
		return nil
	}
	var one [1]byte
	if n, _ := io.ReadFull(s.stream, one[:]); n > 0 {
		return &contentError{fmt.Errorf("the content has more than the expected %d bytes", s.desc.Size)}
	}
	return nil
}

// failed is the error with which the content itself ended.
func (s *source) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// reader reads until the next call of from. An HTTP client may go on reading a
// body for a moment after it has given up the request; a reader whose turn is
// over must not move the content under the next one. s.mu is held.
func (s *source) reader(r io.Reader, position int64) io.Reader {
	turn := s.turn
	return readerFunc(func(p []byte) (int, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if turn != s.turn {
			return 0, io.ErrClosedPipe
		}
		n, err := r.Read(p)
		position += int64(n)
		s.read += int64(n)
		switch {
		case errors.Is(err, io.EOF) && position < s.desc.Size:
			s.err = &contentError{fmt.Errorf("the content has %d bytes, expected %d", position, s.desc.Size)}
		case err != nil && !errors.Is(err, io.EOF):
			s.err = &contentError{fmt.Errorf("read content: %w", err)}
		}
		return n, err
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// errNotRepeatable: the content is a stream that has been read already.
var errNotRepeatable = errors.New("the content can't be read a second time")

// contentError is trouble with what is to be sent, whatever it looks like: it
// says nothing about the registry and is not cured by another attempt.
type contentError struct{ err error }

func (e *contentError) Error() string { return e.err.Error() }
func (e *contentError) Unwrap() error { return e.err }

func isContent(err error) bool {
	var c *contentError
	return errors.As(err, &c)
}
