package wheel

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf8"
)

// General purpose flags of a member.
const (
	flagEncrypted  = 1 << 0
	flagLevel      = 3 << 1 // how hard the compressor tried
	flagDescriptor = 1 << 3
	flagUTF8       = 1 << 11
	flagsKnown     = flagEncrypted | flagLevel | flagDescriptor | flagUTF8
)

// Compression methods that wheels may use.
const (
	methodStore   = 0
	methodDeflate = 8
)

// Extra fields that change what the fixed fields say.
const (
	extraZip64       = 0x0001
	extraUnicodePath = 0x7075
)

// zipMember is one entry of the central directory.
type zipMember struct {
	name         string
	flags        uint16
	method       uint16
	crc          uint32
	compressed   int64
	uncompressed int64
	offset       int64  // of the local header
	data         int64  // offset of the content, known after layout
	mode         uint32 // Unix mode out of the external attributes
}

func (m *zipMember) isDirectory() bool { return m.name != "" && m.name[len(m.name)-1] == '/' }

// structureError is about a place where readers of zips may differ.
func structureError(member, format string, args ...any) error {
	return &Error{Member: member, Rule: RuleStructure, Reason: fmt.Sprintf(format, args...)}
}

// members reads the central directory (APPNOTE 4.3.12). Its size is bounded by
// openZip.
func (z *zipArchive) members() ([]zipMember, error) {
	b := bufio.NewReaderSize(io.NewSectionReader(z.r, z.directory, z.length), int(min(z.length+1, 64<<10)))
	list := make([]zipMember, 0, min(z.count, z.length/lengthDirectory))
	var fixed [lengthDirectory]byte
	var variable []byte
	left := z.length
	for n := range z.count {
		if left -= lengthDirectory; left < 0 {
			return nil, archiveError("zip directory ends after %d of %d members", n, z.count)
		}
		if err := readNext(b, fixed[:]); err != nil {
			return nil, err
		}
		le := binary.LittleEndian
		if le.Uint32(fixed[:]) != signatureDirectory {
			return nil, archiveError("zip directory: entry %d is none", n)
		}
		name, extra, comment := int(le.Uint16(fixed[28:])), int(le.Uint16(fixed[30:])), int(le.Uint16(fixed[32:]))
		if left -= int64(name + extra + comment); left < 0 {
			return nil, archiveError("zip directory ends inside entry %d", n)
		}
		if cap(variable) < name+extra+comment {
			variable = make([]byte, max(name+extra+comment, 512))
		}
		variable = variable[:name+extra+comment]
		if err := readNext(b, variable); err != nil {
			return nil, err
		}
		m, err := parseEntry(fixed[:], string(variable[:name]), variable[name:name+extra], variable[name+extra:])
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	if left != 0 {
		return nil, archiveError("zip directory holds %d bytes more than its %d members", left, z.count)
	}
	return list, nil
}

func readNext(b *bufio.Reader, buf []byte) error {
	if _, err := io.ReadFull(b, buf); err != nil {
		return fmt.Errorf("read zip directory: %w", err)
	}
	return nil
}

// parseEntry reads one entry of the directory and refuses what some readers
// would see in another way.
func parseEntry(fixed []byte, name string, extra, comment []byte) (zipMember, error) {
	le := binary.LittleEndian
	m := zipMember{
		name: name, flags: le.Uint16(fixed[8:]), method: le.Uint16(fixed[10:]), crc: le.Uint32(fixed[16:]),
		compressed: int64(le.Uint32(fixed[20:])), uncompressed: int64(le.Uint32(fixed[24:])),
		offset: int64(le.Uint32(fixed[42:])), mode: le.Uint32(fixed[38:]) >> 16,
	}
	if volume := le.Uint16(fixed[34:]); volume != 0 {
		return m, structureError(name, "lies on volume %d of the archive", volume)
	}
	// Readers look for the end record from the end of the file, but not all
	// begin at the same place.
	for _, text := range [][]byte{extra, comment} {
		if bytes.Contains(text, []byte("PK\x05\x06")) || bytes.Contains(text, []byte("PK\x06\x07")) {
			return m, structureError(name, "an end record of a zip is hidden in its extra field or comment")
		}
	}
	if err := checkFlags(m.name, m.flags, m.method); err != nil {
		return m, err
	}
	if err := checkZipVersion(m.name, fixed[6]); err != nil {
		return m, err
	}
	if err := checkEncoding(m.name, m.flags); err != nil {
		return m, err
	}
	wide, err := m.readExtra(extra)
	if err != nil {
		return m, err
	}
	if err := widen(m.name, wide, &m.uncompressed, &m.compressed, &m.offset); err != nil {
		return m, err
	}
	if m.method == methodStore && m.compressed != m.uncompressed {
		return m, structureError(name, "is stored, yet has %d bytes packed and %d unpacked", m.compressed, m.uncompressed)
	}
	if m.isDirectory() && (m.uncompressed != 0 || m.crc != 0) {
		return m, structureError(name, "is a directory with content")
	}
	return m, nil
}

func checkFlags(name string, flags, method uint16) error {
	switch {
	case flags&flagEncrypted != 0:
		return &Error{Member: name, Rule: RuleMethod, Reason: "is encrypted"}
	case flags&^flagsKnown != 0:
		return structureError(name, "has flags 0x%04x that installers do not know", flags&^flagsKnown)
	case method != methodStore && method != methodDeflate:
		return &Error{Member: name, Rule: RuleMethod, Reason: fmt.Sprintf("compression method %d; only stored and deflate are allowed", method)}
	}
	return nil
}

// newestZip is the version of the zip format, times ten, up to which readers try
// to read a member, whatever is in it. The byte behind the version may name a
// system and counts for none.
const newestZip = 63

func checkZipVersion(name string, needed byte) error {
	if needed > newestZip {
		return &Error{Member: name, Rule: RuleMethod, Reason: fmt.Sprintf("wants a reader for version %d.%d of zip; installers know 6.3", needed/10, needed%10)}
	}
	return nil
}

// checkEncoding wants names that mean the same with and without the flag for
// UTF-8: without it some readers take code page 437.
func checkEncoding(name string, flags uint16) error {
	switch {
	case isASCII(name):
		return nil
	case flags&flagUTF8 == 0:
		return &Error{Member: name, Rule: RulePath, Reason: "is not ASCII and not marked as UTF-8"}
	case !utf8.ValidString(name):
		return &Error{Member: name, Rule: RulePath, Reason: "is not UTF-8"}
	}
	return nil
}

// readExtra walks the extra fields and returns the zip64 field, nil if there is
// none.
func (m *zipMember) readExtra(extra []byte) (wide []byte, err error) {
	le := binary.LittleEndian
	for len(extra) >= 4 {
		id, length := le.Uint16(extra), int(le.Uint16(extra[2:]))
		if extra = extra[4:]; length > len(extra) {
			return nil, structureError(m.name, "extra field 0x%04x is cut short", id)
		}
		field := extra[:length:length]
		extra = extra[length:]
		switch id {
		case extraZip64:
			if wide != nil {
				return nil, structureError(m.name, "has two zip64 fields")
			}
			wide = field
		case extraUnicodePath:
			// Version, CRC of the name in the header, name.
			if length < 5 || field[0] != 1 || le.Uint32(field[1:]) != crc32.ChecksumIEEE([]byte(m.name)) || string(field[5:]) != m.name {
				return nil, structureError(m.name, "an extra field gives it another name")
			}
		}
	}
	// Fewer than four bytes are padding of tools that align.
	if len(bytes.Trim(extra, "\x00")) > 0 {
		return nil, structureError(m.name, "extra field ends in %d stray bytes", len(extra))
	}
	return wide, nil
}

// widen takes 64-bit values from the zip64 field where the header has
// sentinels, in their order. A field that says anything else is refused, since
// readers differ in what they do with it; some builders repeat in it what the
// header says.
func widen(member string, field []byte, values ...*int64) error {
	le := binary.LittleEndian
	needed := false
	for _, value := range values {
		needed = needed || *value == sentinel32
	}
	for _, value := range values {
		if needed && *value != sentinel32 || !needed && len(field) < 8 {
			continue
		}
		if len(field) < 8 {
			return structureError(member, "zip64 field is missing or cut short")
		}
		wide := le.Uint64(field)
		field = field[8:]
		if wide > 1<<62 || !needed && wide != uint64(*value) {
			return structureError(member, "zip64 field gives %d, which is not what the header gives", wide)
		}
		*value = int64(wide)
	}
	if len(field) != 0 {
		return structureError(member, "zip64 field has %d bytes that no other field asks for", len(field))
	}
	return nil
}
