package wheel_test

import (
	"bytes"
	"compress/flate"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"strings"
	"testing"
)

// member is one entry of an archive in which anything may be wrong.
type member struct {
	name, content string
	deflate       bool
	flags         uint16
	method        uint16 // instead of 0 or 8
	mode          uint32
	localName     string // instead of name
	localFlags    uint16 // instead of flags
	localMethod   uint16
	localExtra    string
	extra         string
	comment       string
	before        string                                   // bytes between this member and the one before
	packedTail    string                                   // bytes after the deflate stream that count as packed
	descriptor    int                                      // its length: 12, 16, 20 or 24
	said          bool                                     // the local header has sizes in spite of the descriptor
	lie           func(crc *uint32, packed, unpacked *int) // about both headers
	lieLocal      func(crc *uint32, packed, unpacked *int)
	record        string // line of RECORD; "-" for none, default the true one
}

// archive is a wheel or zip made by hand.
type archive struct {
	members  []member
	record   bool   // add demo's RECORD at the end
	extra    string // lines of RECORD
	before   string // bytes before the first member
	behind   string // bytes between the last member and the directory
	comment  string
	overlaps bool // the directory sends the last member to the place of the first
	shifted  bool // offsets count from the first member, not from the file
}

// wheelOf is demo 1.0 with these members besides METADATA, WHEEL and RECORD,
// which may be among them.
func wheelOf(members ...member) archive {
	has := func(name string) bool {
		for _, m := range members {
			if m.name == name {
				return true
			}
		}
		return false
	}
	for _, m := range []member{
		{name: demo + "METADATA", content: "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n"},
		{name: demo + "WHEEL", content: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
	} {
		if !has(m.name) {
			members = append(members, m)
		}
	}
	return archive{members: members, record: !has(demo + "RECORD")}
}

func recordLine(m member) string {
	switch {
	case m.record == "-" || strings.HasSuffix(m.name, "/"):
		return ""
	case m.record != "":
		return m.record + "\n"
	}
	digest := sha256.Sum256([]byte(m.content))
	return fmt.Sprintf("\"%s\",sha256=%s,%d\n", m.name, base64.RawURLEncoding.EncodeToString(digest[:]), len(m.content))
}

func (a archive) bytes(tb testing.TB) []byte {
	tb.Helper()
	members := a.members
	if a.record {
		record := ""
		for _, m := range members {
			record += recordLine(m)
		}
		members = append(members[:len(members):len(members)], member{name: demo + "RECORD", content: record + a.extra + demo + "RECORD,,\n"})
	}
	var out, directory []byte
	out = append(out, a.before...)
	for i, m := range members {
		out = append(out, m.before...)
		offset := len(out)
		if a.overlaps && i == len(members)-1 {
			offset = 0
		}
		if a.shifted {
			offset -= len(a.before)
		}
		var entry []byte
		out, entry = m.write(tb, out, offset)
		directory = append(directory, entry...)
	}
	out = append(out, a.behind...)
	le := binary.LittleEndian
	at := len(out)
	if a.shifted {
		at -= len(a.before)
	}
	out = append(out, directory...)
	out = append(out, "PK\x05\x06\x00\x00\x00\x00"...)
	out = le.AppendUint16(out, uint16(len(members)))
	out = le.AppendUint16(out, uint16(len(members)))
	out = le.AppendUint32(out, uint32(len(directory)))
	out = le.AppendUint32(out, uint32(at))
	out = le.AppendUint16(out, uint16(len(a.comment)))
	return append(out, a.comment...)
}

func (m member) write(tb testing.TB, out []byte, offset int) (archive, entry []byte) {
	tb.Helper()
	packed, method := []byte(m.content), uint16(0)
	if m.deflate {
		packed, method = deflated(tb, m.content), 8
	}
	packed = append(packed, m.packedTail...)
	if m.method != 0 {
		method = m.method
	}
	flags := m.flags
	if m.descriptor > 0 {
		flags |= 8
	}
	crc, nPacked, nUnpacked := crc32.ChecksumIEEE([]byte(m.content)), len(packed), len(m.content)
	if m.lie != nil {
		m.lie(&crc, &nPacked, &nUnpacked)
	}
	le := binary.LittleEndian
	header := func(b []byte, crc uint32, packed, unpacked, name, extra int, flags, method uint16) []byte {
		b = le.AppendUint16(b, flags)
		b = le.AppendUint16(b, method)
		b = append(b, 0, 0, 0x21, 0)
		b = le.AppendUint32(b, crc)
		b = le.AppendUint32(b, uint32(packed))
		b = le.AppendUint32(b, uint32(unpacked))
		b = le.AppendUint16(b, uint16(name))
		return le.AppendUint16(b, uint16(extra))
	}
	entry = append(entry, "PK\x01\x02\x14\x03\x14\x00"...)
	entry = header(entry, crc, nPacked, nUnpacked, len(m.name), len(m.extra), flags, method)
	entry = le.AppendUint16(entry, uint16(len(m.comment)))
	entry = append(entry, 0, 0, 0, 0)
	entry = le.AppendUint32(entry, m.mode<<16)
	entry = le.AppendUint32(entry, uint32(offset))
	entry = append(append(append(entry, m.name...), m.extra...), m.comment...)

	localName, localFlags, localMethod := m.name, flags, method
	if m.localName != "" {
		localName = m.localName
	}
	if m.localFlags != 0 {
		localFlags = m.localFlags
	}
	if m.localMethod != 0 {
		localMethod = m.localMethod
	}
	lCRC, lPacked, lUnpacked := crc, nPacked, nUnpacked
	if m.descriptor > 0 && !m.said {
		lCRC, lPacked, lUnpacked = 0, 0, 0
	}
	if m.lieLocal != nil {
		m.lieLocal(&lCRC, &lPacked, &lUnpacked)
	}
	out = append(out, "PK\x03\x04\x14\x00"...)
	out = header(out, lCRC, lPacked, lUnpacked, len(localName), len(m.localExtra), localFlags, localMethod)
	out = append(append(append(out, localName...), m.localExtra...), packed...)
	return m.describe(out, crc, nPacked, nUnpacked), entry
}

func (m member) describe(out []byte, crc uint32, packed, unpacked int) []byte {
	le := binary.LittleEndian
	if m.descriptor == 16 || m.descriptor == 24 {
		out = append(out, "PK\x07\x08"...)
	}
	switch m.descriptor {
	case 12, 16:
		out = le.AppendUint32(le.AppendUint32(le.AppendUint32(out, crc), uint32(packed)), uint32(unpacked))
	case 20, 24:
		out = le.AppendUint64(le.AppendUint64(le.AppendUint32(out, crc), uint64(packed)), uint64(unpacked))
	}
	return out
}

func deflated(tb testing.TB, content string) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.DefaultCompression)
	if err == nil {
		_, err = w.Write([]byte(content))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// field is an extra field of a zip.
func field(id uint16, content string) string {
	b := binary.LittleEndian.AppendUint16(nil, id)
	return string(binary.LittleEndian.AppendUint16(b, uint16(len(content)))) + content
}

// wide is a list of 64-bit values as they stand in a zip64 field.
func wide(values ...uint64) string {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return string(b)
}

func crcOf(content string) uint32 { return crc32.ChecksumIEEE([]byte(content)) }

func crcText(content string) string {
	return string(binary.LittleEndian.AppendUint32(nil, crcOf(content)))
}

// encodedDigest is a hash as RECORD has it.
func encodedDigest(algorithm, content string) string {
	var h hash.Hash
	switch algorithm {
	case "md5":
		h = md5.New()
	case "sha1":
		h = sha1.New()
	case "sha256":
		h = sha256.New()
	case "sha384":
		h = sha512.New384()
	default:
		h = sha512.New()
	}
	h.Write([]byte(content))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
