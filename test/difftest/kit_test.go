package difftest_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// part is one member of a wheel that is taken apart.
type part struct {
	name    string
	content string
	stored  bool
	mode    uint32
	flags   uint16
	extra   string
	comment string
	line    string // of RECORD, instead of the true one; "-" for none
	size    int    // instead of the true one, in both headers
	crc     uint32 // added to the true one
	method  uint16 // instead of stored or deflated
}

// kit is a wheel taken apart, to be changed and put together again.
type kit struct {
	t        *testing.T
	filename string
	info     string // the dist-info directory and a slash
	parts    []part // without RECORD
	record   func(lines string) string
	bytes    []func([]byte) []byte // changes of the finished archive
}

// realWheel finds a wheel that test/tools/install fetches.
func realWheel(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("..", "..", ".tools", "wheels", pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		tools.Missing(t, "needs .tools/wheels/"+pattern+" (test/tools/install)")
	}
	return found[0]
}

func takeApart(t *testing.T, path string) *kit {
	t.Helper()
	in, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	k := &kit{t: t, filename: filepath.Base(path)}
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		root, rest, _ := strings.Cut(f.Name, "/")
		if strings.HasSuffix(root, ".dist-info") {
			k.info = root + "/"
			if rest == "RECORD" {
				continue
			}
		}
		k.parts = append(k.parts, part{name: f.Name, content: string(data), mode: f.ExternalAttrs >> 16})
	}
	return k
}

// part is the member of that name.
func (k *kit) part(name string) *part {
	k.t.Helper()
	for i := range k.parts {
		if k.parts[i].name == name {
			return &k.parts[i]
		}
	}
	k.t.Fatalf("%s has no %s", k.filename, name)
	return nil
}

func (k *kit) add(parts ...part) { k.parts = append(k.parts, parts...) }

// replace changes text inside a member of the dist-info directory.
func (k *kit) replace(name, before, after string) {
	k.t.Helper()
	p := k.part(k.info + name)
	if !strings.Contains(p.content, before) {
		k.t.Fatalf("%s: %s does not hold %q", k.filename, name, before)
	}
	p.content = strings.Replace(p.content, before, after, 1)
}

// patch changes the finished archive.
func (k *kit) patch(change func([]byte) []byte) { k.bytes = append(k.bytes, change) }

func (p part) recordLine() string {
	switch {
	case p.line == "-" || strings.HasSuffix(p.name, "/"):
		return ""
	case p.line != "":
		return p.line + "\n"
	}
	sum := sha256.Sum256([]byte(p.content))
	return fmt.Sprintf("\"%s\",sha256=%s,%d\n", p.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(p.content))
}

// build puts the wheel together.
func (k *kit) build() []byte {
	k.t.Helper()
	record := ""
	for _, p := range k.parts {
		record += p.recordLine()
	}
	record += k.info + "RECORD,,\n"
	if k.record != nil {
		record = k.record(record)
	}
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, p := range append(k.parts[:len(k.parts):len(k.parts)], part{name: k.info + "RECORD", content: record}) {
		p.write(k.t, w)
	}
	if err := w.Close(); err != nil {
		k.t.Fatal(err)
	}
	data := buf.Bytes()
	for _, change := range k.bytes {
		data = change(data)
	}
	return data
}

func (p part) write(t *testing.T, w *zip.Writer) {
	t.Helper()
	packed, method := []byte(p.content), zip.Store
	if !p.stored && !strings.HasSuffix(p.name, "/") {
		var buf bytes.Buffer
		deflate, err := flate.NewWriter(&buf, flate.DefaultCompression)
		if err == nil {
			_, err = deflate.Write(packed)
		}
		if err == nil {
			err = deflate.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		packed, method = buf.Bytes(), zip.Deflate
	}
	if p.method != 0 {
		method = p.method
	}
	h := &zip.FileHeader{
		Name: p.name, Method: method, Flags: p.flags, CreatorVersion: 3 << 8, ExternalAttrs: p.mode << 16, Extra: []byte(p.extra), Comment: p.comment,
		CRC32: crc32.ChecksumIEEE([]byte(p.content)) + p.crc, CompressedSize64: uint64(len(packed)), UncompressedSize64: uint64(len(p.content)),
		ModifiedDate: 1<<5 | 1, //nolint:staticcheck // Modified would add an extra field
	}
	if p.size != 0 {
		h.UncompressedSize64 = uint64(p.size)
	}
	out, err := w.CreateRaw(h)
	if err == nil {
		_, err = out.Write(packed)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// directoryAt is the offset of the central directory.
func directoryAt(data []byte) int {
	return int(binary.LittleEndian.Uint32(data[len(data)-6:]))
}

// entryAt is the offset of a member's entry in the directory, and that of its
// local header.
func entryAt(data []byte, name string) (entry, local int) {
	for at := directoryAt(data); ; {
		n := int(binary.LittleEndian.Uint16(data[at+28:]))
		if string(data[at+46:at+46+n]) == name {
			return at, int(binary.LittleEndian.Uint32(data[at+42:]))
		}
		at += 46 + n + int(binary.LittleEndian.Uint16(data[at+30:])) + int(binary.LittleEndian.Uint16(data[at+32:]))
	}
}

// insert puts bytes before the directory or, with at 0, before everything, and
// mends the offset of the directory; those of members are left as they are.
func insert(at func([]byte) int, text string) func([]byte) []byte {
	return func(data []byte) []byte {
		i := at(data)
		out := append(append(bytes.Clone(data[:i]), text...), data[i:]...)
		binary.LittleEndian.PutUint32(out[len(out)-6:], uint32(directoryAt(data)+len(text)))
		return out
	}
}
