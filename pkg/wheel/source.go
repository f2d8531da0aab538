package wheel

import (
	"errors"
	"io"
)

// sourceReader remembers an error of the disk, so that gzip and tar, which pass
// it on as if the archive were bad, cannot disguise it. It ends when stop says so.
type sourceReader struct {
	r    io.Reader
	stop func() error
	err  error
}

func (s *sourceReader) Read(p []byte) (int, error) {
	if err := s.stop(); err != nil {
		s.err = err
		return 0, err
	}
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

func (s *sourceReader) cause(err error) error {
	if s.err != nil {
		return s.err
	}
	return err
}
