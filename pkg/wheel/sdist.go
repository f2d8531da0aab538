package wheel

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// isPkgInfo is true for PKG-INFO in a directory at the root of the archive.
// Others belong to egg-info directories and to test data.
func isPkgInfo(name string) bool {
	root, rest, ok := strings.Cut(strings.TrimPrefix(name, "./"), "/")
	return ok && root != "" && rest == "PKG-INFO"
}

func (info *Info) readZipSdist(ctx context.Context, r io.ReaderAt, limits Limits) (member string, err error) {
	z, err := openZip(r, info.Size, limits)
	if err != nil {
		return "", err
	}
	var found zipMember
	err = z.each(func(m zipMember) error {
		if !isPkgInfo(m.name) {
			return nil
		}
		if found.name != "" {
			return &Error{Member: m.name, Rule: RuleMember, Reason: "is a second PKG-INFO at the root"}
		}
		found = m
		return nil
	})
	if err != nil {
		return "", err
	}
	if found.name != "" {
		if info.Metadata, err = z.read(found, limits.Metadata); err != nil {
			return "", err
		}
	}
	info.SHA256, err = hashFile(ctx, r, info.Size)
	return found.name, err
}

// readTarSdist inflates until PKG-INFO is found and only hashes from there on.
func (info *Info) readTarSdist(ctx context.Context, r io.ReaderAt, limits Limits) (member string, err error) {
	h := sha256.New()
	file := io.NewSectionReader(r, 0, info.Size)
	source := &sourceReader{r: io.TeeReader(file, h), stop: ctx.Err}
	if member, info.Metadata, err = findPkgInfo(source, limits); err != nil {
		return "", source.cause(err)
	}
	if err := copyAll(ctx, h, file); err != nil {
		return "", err
	}
	info.SHA256 = hex.EncodeToString(h.Sum(nil))
	return member, nil
}

// findPkgInfo gives the name and the content of the first PKG-INFO, nothing if
// there is none.
func findPkgInfo(source io.Reader, limits Limits) (member string, data []byte, err error) {
	inflate, err := gzip.NewReader(bufio.NewReaderSize(source, 64<<10))
	if err != nil {
		return "", nil, archiveError("not a tar.gz: %v", err)
	}
	unpacked := &io.LimitedReader{R: inflate, N: limits.Unpacked}
	archive := tar.NewReader(unpacked)
	for n := 0; ; n++ {
		h, err := archive.Next()
		switch {
		case unpacked.N <= 0:
			return "", nil, limitError("no PKG-INFO in the first %d bytes unpacked", limits.Unpacked)
		case errors.Is(err, io.EOF):
			return "", nil, nil
		case err != nil:
			return "", nil, archiveError("not a readable tar.gz: %v", err)
		case n >= limits.Members:
			return "", nil, limitError("no PKG-INFO in the first %d members", limits.Members)
		case h.Typeflag != tar.TypeReg || !isPkgInfo(h.Name):
			continue
		case h.Size > limits.Metadata:
			return "", nil, &Error{Member: h.Name, Rule: RuleLimit, Reason: fmt.Sprintf("%d bytes, more than %d", h.Size, limits.Metadata)}
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			return "", nil, archiveError("%s is cut short: %v", printable(h.Name), err)
		}
		return h.Name, data, nil
	}
}

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
