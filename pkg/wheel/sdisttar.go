package wheel

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// tarReader reads a tar.gz to its end.
type tarReader struct {
	*inspection
	unpacked io.LimitedReader
	headers  tarHeaders
	archive  *tar.Reader
	members  []zipMember // only names
	hard     [][2]string // names and targets of hard links
	pkgInfo  string
}

// readTarSdist inflates the whole file once and hashes it on the way.
func (in *inspection) readTarSdist(ctx context.Context) error {
	h := sha256.New()
	file := io.NewSectionReader(in.r, 0, in.info.Size)
	source := &sourceReader{r: io.TeeReader(file, h), stop: ctx.Err}
	t := &tarReader{inspection: in}
	if err := t.read(source); err != nil {
		return source.cause(err)
	}
	if err := copyAll(ctx, h, file); err != nil {
		return err
	}
	in.info.SHA256 = hex.EncodeToString(h.Sum(nil))
	in.info.Members = len(t.members)
	if len(in.refused) > 0 {
		return nil
	}
	t.checkHard()
	if in.checkRoot(t.members); len(in.refused) == 0 {
		in.checkCollisions(t.members, false)
	}
	return in.checkPkgInfo(t.pkgInfo)
}

// checkHard wants the targets of hard links in the archive: unpacking fails
// otherwise, or links to what was there before.
func (t *tarReader) checkHard() {
	if len(t.hard) == 0 {
		return
	}
	present := make(map[string]bool, len(t.members))
	for _, m := range t.members {
		present[m.name] = true
	}
	for _, link := range t.hard {
		if !present[link[1]] {
			t.refuse(RuleLink, link[0], "is a hard link to %v, which is not in the archive", shown(link[1]))
		}
	}
}

func (t *tarReader) read(source io.Reader) error {
	inflate, err := gzip.NewReader(bufio.NewReaderSize(source, packedChunk))
	if err != nil {
		return archiveError("not a tar.gz: %v", err)
	}
	bound := t.limits.Unpacked
	if size := t.info.Size; size < bound/t.limits.Ratio {
		bound = min(bound, max(ratioFrom, size*t.limits.Ratio))
	}
	t.unpacked = io.LimitedReader{R: inflate, N: bound + 1}
	t.archive = tar.NewReader(io.TeeReader(&t.unpacked, &t.headers))
	for n := 1; ; n++ {
		h, err := t.archive.Next()
		switch {
		case t.unpacked.N <= 0:
			return limitError("unpacks to more than %d bytes", bound)
		case t.headers.err != nil:
			return t.headers.err
		case errors.Is(err, io.EOF):
			t.info.Unpacked = bound + 1 - t.unpacked.N
			return t.padding(bound)
		case err != nil:
			return archiveError("not a readable tar.gz: %v", err)
		case len(t.members) >= t.limits.Members:
			return limitError("more than %d members", t.limits.Members)
		case t.headers.count != n:
			return structureError(h.Name, "readers do not agree on where it begins")
		}
		if err := t.member(h); err != nil {
			return err
		}
	}
}

// member judges one header and reads what belongs to it. Old tools write "./"
// before all names.
func (t *tarReader) member(h *tar.Header) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil // a comment, such as that of git archive; see tarHeaders
	}
	name := strings.TrimPrefix(h.Name, "./")
	if name == "" && h.Typeflag == tar.TypeDir {
		return nil
	}
	if reason := checkPath(name); reason != "" {
		t.refuse(RulePath, h.Name, "%s", reason)
		return nil
	}
	if h.Typeflag == tar.TypeDir && !strings.HasSuffix(name, "/") {
		name += "/"
	}
	if h.Typeflag != tar.TypeDir && strings.HasSuffix(name, "/") {
		t.refuse(RuleLink, name, "is no directory and has the name of one")
		return nil
	}
	t.members = append(t.members, zipMember{name: name})
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		if h.Mode&modeSpecial != 0 {
			t.warn(RuleMode, name, "has mode %o", h.Mode)
		}
	case tar.TypeDir:
	case tar.TypeSymlink:
		if reason := checkSymlink(name, h.Linkname); reason != "" {
			t.refuse(RuleLink, name, "%s", reason)
		}
	case tar.TypeLink:
		target := strings.TrimPrefix(h.Linkname, "./")
		if reason := checkHardlink(name, target); reason != "" {
			t.refuse(RuleLink, name, "%s", reason)
		}
		t.hard = append(t.hard, [2]string{name, target})
	default:
		t.refuse(RuleLink, name, "is neither file, directory nor link (type %q)", h.Typeflag)
	}
	if isPkgInfo(name) {
		return t.readPkgInfo(h, name)
	}
	return nil
}

func (t *tarReader) readPkgInfo(h *tar.Header, name string) error {
	switch {
	case h.Typeflag != tar.TypeReg:
		t.refuse(RuleLink, name, "is not a file")
		return nil
	case h.Size > t.limits.Metadata:
		return &Error{Member: name, Rule: RuleLimit, Reason: fmt.Sprintf("%d bytes, more than %d", h.Size, t.limits.Metadata)}
	}
	data, err := io.ReadAll(t.archive)
	if err != nil {
		return archiveError("%s is cut short: %v", printable(name), err)
	}
	t.pkgInfo, t.info.Metadata = name, data
	return nil
}

// padding reads what follows the end of the tar, which is filled with zeros up
// to a block: anything else is an archive that only some readers see. It also
// has the checksum of the gzip proven.
func (t *tarReader) padding(bound int64) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := t.unpacked.Read(buf)
		for _, c := range buf[:n] {
			if c != 0 {
				return structureError("", "bytes follow the end of the tar")
			}
		}
		switch {
		case t.unpacked.N <= 0:
			return limitError("unpacks to more than %d bytes", bound)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return archiveError("not a readable tar.gz: %v", err)
		}
	}
}
