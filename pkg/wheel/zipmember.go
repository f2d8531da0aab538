package wheel

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// Compression methods that wheels may use.
const (
	methodStore   = 0
	methodDeflate = 8
)

// read gives the content of a member of at most limit bytes. Its local header
// has to agree on the name; size and CRC have to be right.
func (z *zipArchive) read(m zipMember, limit int64) ([]byte, error) {
	fail := func(rule Rule, format string, args ...any) ([]byte, error) {
		return nil, &Error{Member: m.name, Rule: rule, Reason: fmt.Sprintf(format, args...)}
	}
	if m.uncompressed > limit {
		return fail(RuleLimit, "%d bytes, more than %d", m.uncompressed, limit)
	}
	source, err := z.open(m)
	if err != nil {
		return nil, err
	}
	data := bytes.NewBuffer(make([]byte, 0, min(m.uncompressed, 64<<10)+bytes.MinRead))
	_, err = data.ReadFrom(io.LimitReader(source, m.uncompressed+1))
	var corrupt flate.CorruptInputError
	switch {
	case errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF):
		return fail(RuleMember, "does not inflate: %v", err)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", m.name, err)
	case int64(data.Len()) != m.uncompressed:
		return fail(RuleMember, "size is not the %d bytes that the zip directory gives", m.uncompressed)
	case crc32.ChecksumIEEE(data.Bytes()) != m.crc:
		return fail(RuleMember, "CRC does not match the content")
	}
	return data.Bytes(), nil
}

// open gives the unpacked content of a member, unproven.
func (z *zipArchive) open(m zipMember) (io.Reader, error) {
	switch {
	case m.flags&flagEncrypted != 0:
		return nil, &Error{Member: m.name, Rule: RuleMember, Reason: "is encrypted"}
	case m.method != methodStore && m.method != methodDeflate:
		return nil, &Error{Member: m.name, Rule: RuleMember, Reason: fmt.Sprintf("compression method %d, only stored and deflate are allowed", m.method)}
	}
	start, err := z.dataStart(m)
	if err != nil {
		return nil, err
	}
	var source io.Reader = io.NewSectionReader(z.r, start, m.compressed)
	if m.method == methodDeflate {
		source = flate.NewReader(source)
	}
	return source, nil
}

// show writes a member to where v wants it, and checks its size and CRC.
func (z *zipArchive) show(ctx context.Context, m zipMember, v Visitor) (err error) {
	if strings.HasSuffix(m.name, "/") {
		return nil
	}
	source, err := z.open(m)
	if err != nil {
		return err
	}
	sum := crc32.NewIEEE()
	content := bufio.NewReaderSize(io.TeeReader(&sourceReader{r: io.LimitReader(source, m.uncompressed+1), stop: ctx.Err}, sum), 32<<10)
	head, err := content.Peek(HeadBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", m.name, err)
	}
	w, err := v.Visit(m.name, m.uncompressed, head)
	if err != nil {
		return fmt.Errorf("visit %s: %w", m.name, err)
	}
	out := io.Discard
	if w != nil {
		out = w
		defer func() {
			if closeErr := w.Close(); err == nil {
				err = closeErr
			}
		}()
	}
	n, err := io.Copy(out, content)
	switch {
	case err != nil:
		return fmt.Errorf("read %s: %w", m.name, err)
	case n != m.uncompressed || sum.Sum32() != m.crc:
		return &Error{Member: m.name, Rule: RuleMember, Reason: "size or CRC does not match the content"}
	}
	return nil
}

// dataStart reads the local header, which sits before the data.
func (z *zipArchive) dataStart(m zipMember) (int64, error) {
	fail := func(reason string) (int64, error) {
		return 0, &Error{Member: m.name, Rule: RuleMember, Reason: reason}
	}
	var local [lengthLocal]byte
	if m.offset < 0 || m.offset > z.directory-lengthLocal {
		return fail("lies outside of the archive")
	}
	if err := readFull(z.r, local[:], m.offset); err != nil {
		return 0, err
	}
	le := binary.LittleEndian
	nameLength, extraLength := int64(le.Uint16(local[26:])), int64(le.Uint16(local[28:]))
	start := m.offset + lengthLocal + nameLength + extraLength
	if le.Uint32(local[:]) != signatureLocal || nameLength != int64(len(m.name)) {
		return fail("local header and zip directory disagree")
	}
	if start > z.directory || m.compressed < 0 || m.compressed > z.directory-start {
		return fail("lies outside of the archive")
	}
	name := make([]byte, nameLength)
	if err := readFull(z.r, name, m.offset+lengthLocal); err != nil {
		return 0, err
	}
	if string(name) != m.name {
		return fail(fmt.Sprintf("local header gives the name %q", name))
	}
	return start, nil
}
