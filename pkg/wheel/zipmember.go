package wheel

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
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
	switch {
	case m.uncompressed > limit:
		return fail(RuleLimit, "%d bytes, more than %d", m.uncompressed, limit)
	case m.flags&flagEncrypted != 0:
		return fail(RuleMember, "is encrypted")
	case m.method != methodStore && m.method != methodDeflate:
		return fail(RuleMember, "compression method %d, only stored and deflate are allowed", m.method)
	}
	start, err := z.dataStart(m)
	if err != nil {
		return nil, err
	}
	var source io.Reader = io.NewSectionReader(z.r, start, m.compressed)
	if m.method == methodDeflate {
		inflate := flate.NewReader(source)
		defer inflate.Close()
		source = inflate
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
