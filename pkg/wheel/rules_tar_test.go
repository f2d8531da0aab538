package wheel_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// rawTar is a tar header with its content as they are; size is what the header
// says.
func rawTar(kind byte, name, target string, size int, content string) string {
	var h [512]byte
	copy(h[:100], name)
	copy(h[100:], "0000644\x000000000\x000000000\x00")
	copy(h[124:], fmt.Sprintf("%011o\x0000000000000\x00", size))
	h[156] = kind
	copy(h[157:257], target)
	copy(h[257:], "ustar\x0000")
	return summed(h[:]) + content + strings.Repeat("\x00", -len(content)&511)
}

// paxTar is a PAX header with records of keys and values.
func paxTar(kind byte, records ...string) string {
	text := ""
	for i := 0; i < len(records); i += 2 {
		rest := " " + records[i] + "=" + records[i+1] + "\n"
		n := len(rest) + 1
		for len(strconv.Itoa(n))+len(rest) != n {
			n++
		}
		text += strconv.Itoa(n) + rest
	}
	return rawTar(kind, "demo-1.0/PaxHeaders/x", "", len(text), text)
}

func rawSdist(t *testing.T, parts ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	info := metadata("")
	for _, part := range append([]string{rawTar('0', "demo-1.0/PKG-INFO", "", len(info), info)}, parts...) {
		io.WriteString(z, part)
	}
	z.Write(make([]byte, 1024))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// tarCases are archives of which Python's tarfile or GNU tar unpack something
// else than archive/tar does, and those that are near to them and sound.
func tarCases(t *testing.T) map[string]ruleCase {
	t.Helper()
	const dir = "demo-1.0/"
	file := func(name, content string) string { return rawTar('0', dir+name, "", len(content), content) }
	long := func(kind byte, name string) string {
		return rawTar(kind, "././@LongLink", "", len(name)+1, name+"\x00")
	}
	cases := map[string]ruleCase{}
	for name, c := range map[string]struct {
		want  string
		parts []string
	}{
		"a global comment":               {"", []string{paxTar('g', "comment", "x"), file("a", "x")}},
		"a global time and owner":        {"", []string{paxTar('g', "mtime", "1", "uname", "x"), file("a", "x")}},
		"a global path":                  {"structure", []string{paxTar('g', "path", dir+"evil"), file("a", "x")}},
		"a global target":                {"structure", []string{paxTar('g', "linkpath", "/etc/passwd"), file("a", "x")}},
		"a global size":                  {"structure", []string{paxTar('g', "size", "0"), file("a", "x")}},
		"a global path behind a comment": {"structure", []string{paxTar('g', "comment", "x", "path", dir+"evil"), file("a", "x")}},
		"a global sparse name":           {"structure", []string{paxTar('g', "GNU.sparse.name", dir+"evil"), file("a", "x")}},
		"a path":                         {"", []string{paxTar('x', "path", dir+"b", "mtime", "1.5"), file("a", "x"), file("c", "x")}},
		"a path that leads out":          {"path", []string{paxTar('x', "path", dir+"../../b"), file("a", "x")}},
		"a size":                         {"", []string{paxTar('x', "size", "3"), rawTar('0', dir+"a", "", 0, "abc"), file("c", "x")}},
		"two paths of one header":        {"", []string{paxTar('x', "path", dir+"b", "path", dir+"c"), file("a", "x")}},
		"two headers":                    {"structure", []string{paxTar('x', "path", dir+"b"), paxTar('x', "path", dir+"c"), file("a", "x")}},
		"an empty header":                {"", []string{paxTar('x'), file("a", "x"), paxTar('x', "path", dir+"b"), file("b", "x")}},
		"an empty path":                  {"structure", []string{paxTar('x', "path", ""), file("a", "x")}},
		"a sparse name":                  {"structure", []string{paxTar('x', "GNU.sparse.name", dir+"b"), file("a", "x")}},
		"a sparse size":                  {"structure", []string{paxTar('x', "GNU.sparse.realsize", "0"), file("a", "x")}},
		"a long name":                    {"", []string{long('L', dir+"b"), file("a", "x")}},
		"a long name and target":         {"", []string{long('K', "PKG-INFO"), long('L', dir+"b"), rawTar('2', dir+"a", "x", 0, "")}},
		"two long names":                 {"structure", []string{long('L', dir+"b"), long('L', dir+"c"), file("a", "x")}},
		"a long name and a path":         {"structure", []string{long('L', dir+"b"), paxTar('x', "path", dir+"c"), file("a", "x")}},
		"a path and a long name":         {"structure", []string{paxTar('x', "path", dir+"c"), long('L', dir+"b"), file("a", "x")}},
		"a directory with a size":        {"", []string{rawTar('5', dir+"d/", "", 512, ""), file("d/a", "x")}},
		"an old directory":               {"", []string{rawTar(0, dir+"d/", "", 0, ""), file("d/a", "x")}},
		"an old file":                    {"", []string{rawTar(0, dir+"d", "", 600, strings.Repeat("x", 600)), file("a", "x")}},
		"a link with a size":             {"structure", []string{rawTar('2', dir+"l", "a", 512, ""), file("hidden", ""), file("a", "x")}},
		"a hard link with a size":        {"structure", []string{rawTar('1', dir+"l", dir+"PKG-INFO", 512, ""), file("hidden", "")}},
		"a hard link to nothing":         {"link", []string{rawTar('1', dir+"l", dir+"a", 0, "")}},
		"a hard link to what follows":    {"", []string{rawTar('1', dir+"l", dir+"a", 0, ""), file("a", "x")}},
		"a file like a directory":        {"link", []string{rawTar('0', dir+"d/", "", 1, "x")}},
		"a link like a directory":        {"link", []string{rawTar('2', dir+"d/", "a", 0, "")}},
		"a size in binary":               {"", []string{binarySize(rawTar('0', dir+"a", "", 0, strings.Repeat("x", 600)), 600), file("b", "x")}},
	} {
		cases["tar with "+name] = ruleCase{filename: "demo-1.0.tar.gz", data: rawSdist(t, c.parts...), want: c.want}
	}
	return cases
}

// binarySize writes the size of a tar header in GNU's binary form.
func binarySize(part string, size uint16) string {
	h := []byte(part)
	copy(h[124:136], "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	h[134], h[135] = byte(size>>8), byte(size)
	return summed(h)
}

// summed is a changed header with its checksum.
func summed(h []byte) string {
	copy(h[148:156], "        ")
	sum := 0
	for _, c := range h[:512] {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return string(h)
}

// TestSparseFiles are those that GNU tar writes in its own format, whose maps
// go on in further blocks.
func TestSparseFiles(t *testing.T) {
	t.Parallel()
	sparse := []byte(rawTar('S', "demo-1.0/a", "", 5, ""))
	copy(sparse[257:], "ustar  \x00")
	copy(sparse[386:], "00000000000\x0000000000005\x00") // one piece
	sparse[482] = 1
	copy(sparse[483:], "00000000005\x00") // real size
	more := strings.Repeat("\x00", 512)
	data := rawSdist(t, summed(sparse), more, "hello"+strings.Repeat("\x00", 507), rawTar('0', "demo-1.0/b", "", 1, "x"))
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r := tar.NewReader(z); ; n++ {
		if _, err := r.Next(); err != nil {
			break
		}
	}
	if _, err := wheel.Inspect(t.Context(), bytes.NewReader(data), int64(len(data)), "demo-1.0.tar.gz", wheel.Limits{}, nil); err != nil || n != 3 {
		t.Errorf("%d members, %v", n, err)
	}
}
