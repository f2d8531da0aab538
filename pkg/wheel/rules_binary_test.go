package wheel_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

const (
	executable, sharedObject, relocatable = 2, 3, 1
	x86, x86_64, aarch64, s390x, cudaCode = 3, 62, 183, 22, 190
)

// elf is the header of an ELF file.
func elf(kind, machine uint16, bits int, big bool) string {
	b := make([]byte, 64)
	copy(b, "\x7fELF")
	b[4], b[5], b[6] = byte(bits/32), 1, 1
	var order binary.ByteOrder = binary.LittleEndian
	if big {
		b[5], order = 2, binary.BigEndian
	}
	order.PutUint16(b[16:], kind)
	order.PutUint16(b[18:], machine)
	return string(b)
}

func pe() string {
	b := make([]byte, 256)
	copy(b, "MZ")
	b[60] = 128
	copy(b[128:], "PE\x00\x00")
	return string(b)
}

func binaryCases(t *testing.T) map[string]ruleCase {
	t.Helper()
	const linux, pure = "cp312-cp312-manylinux_2_28_x86_64", "py3-none-any"
	library := elf(sharedObject, x86_64, 64, false)
	foreign := elf(sharedObject, aarch64, 64, false)
	of := func(tags string, files ...string) ruleCase {
		var list []member
		for i := 0; i < len(files); i += 2 {
			list = append(list, member{name: files[i], content: files[i+1]})
		}
		return ruleCase{filename: "demo-1.0-" + tags + ".whl", data: tagged(tags, list...).bytes(t)}
	}
	found := func(want string, c ruleCase) ruleCase {
		c.want = want
		return c
	}
	mach := "\xcf\xfa\xed\xfe" + strings.Repeat("\x00", 60)
	fat := "\xca\xfe\xba\xbe\x00\x00\x00\x02" + strings.Repeat("\x00", 60)
	class := "\xca\xfe\xba\xbe\x00\x00\x00\x34" + strings.Repeat("\x00", 60)
	purelib := tagged(linux, member{name: "demo/a.so", content: library})
	purelib.members[0].content = wheelFile("true", linux, "")
	return map[string]ruleCase{
		"module for the platform":              of(linux, "demo/a.cpython-312-x86_64-linux-gnu.so", library, "demo.libs/libx.so.1", library),
		"module for the platform, plain linux": of("cp312-cp312-linux_x86_64", "demo/a.so", library),
		"module for musl":                      of("cp312-cp312-musllinux_1_2_x86_64", "demo/a.so", library),
		"module for ARM":                       of("cp312-cp312-manylinux2014_aarch64", "demo/a.so", foreign),
		"module for a big-endian processor":    of("cp312-cp312-manylinux2014_s390x", "demo/a.so", elf(sharedObject, s390x, 64, true)),
		"module for 32 bits":                   of("cp312-cp312-manylinux1_i686", "demo/a.so", elf(sharedObject, x86, 32, false)),
		"tags of two processors":               of("cp312-cp312-linux_x86_64.linux_aarch64", "demo/a.so", library, "demo/b.so", foreign),
		"processor that is not known":          of("cp312-cp312-linux_vax", "demo/a.so", library),
		"platform that is not Linux":           of("cp312-cp312-freebsd_14_amd64", "demo/a.so", library),
		"module for another processor":         found("elf", of(linux, "demo/a.so", foreign)),
		"one module of two for another":        found("elf", of(linux, "demo/a.so", library, "demo/b.so", foreign)),
		"one library of two for another":       found("elf", of(linux, "demo/a.so", library, "demo.libs/libb.so.2", foreign)),
		"only a program for another":           found("elf", of(linux, "demo/run", elf(executable, aarch64, 64, false))),
		"module for 32 bits in 64":             found("elf", of(linux, "demo/a.so", elf(sharedObject, x86, 32, false))),
		"module in another byte order":         found("elf", of("cp312-cp312-manylinux2014_ppc64le", "demo/a.so", elf(sharedObject, 21, 64, true))),
		"program for another processor beside": found("~elf", of(linux, "demo/a.so", library, "demo/agent", elf(executable, aarch64, 64, false))),
		"stub apart for another processor":     found("~elf", of(linux, "demo/a.so", library, "demo/stubs/aarch64-linux-gnu/libx.so", foreign)),
		"only stubs for another processor":     found("elf", of(linux, "demo/stubs/aarch64-linux-gnu/libx.so", foreign)),
		"objects to be linked":                 of(linux, "demo/a.so", library, "demo/a.o", elf(relocatable, aarch64, 64, false)),
		"code for a GPU":                       of(pure, "demo/kernel.cubin", elf(executable, cudaCode, 64, false)),
		"objects in a wheel for any":           of(pure, "demo/probe.o", elf(relocatable, 247, 64, false)),
		"module in a wheel for any":            found("elf", of(pure, "demo/a.so", library)),
		"program in a wheel for any":           found("elf", of(pure, "demo/run", elf(executable, x86_64, 64, false))),
		"too short for ELF":                    of(pure, "demo/a.so", "\x7fELF"),
		"text called so":                       of(pure, "demo/a.so", strings.Repeat("INPUT(libx.so)", 9)),
		"purelib with a module":                {filename: "demo-1.0-" + linux + ".whl", data: purelib.bytes(t), want: "~purelib"},

		"launchers in a wheel for any":        of(pure, "demo/t64.exe", pe()),
		"DLL in a wheel for any":              of(pure, "demo/x.dll", pe()),
		"DLL in a wheel for Linux":            found("~foreign", of(linux, "demo/a.so", library, "demo/attach.dll", pe())),
		"launcher in a wheel for Linux":       found("~foreign", of(linux, "demo/run.exe", pe())),
		"Windows module in a wheel for Linux": found("foreign", of(linux, "demo/a.pyd", pe())),
		"Windows module called so":            found("foreign", of(linux, "demo/a.so", pe())),
		"Windows module in a wheel for any":   found("foreign", of(pure, "demo/a.cp312-win_amd64.pyd", pe())),
		"Windows module in one for Windows":   of("cp312-cp312-win_amd64", "demo/a.pyd", pe()),
		"macOS module in a wheel for Linux":   found("foreign", of(linux, "demo/a.so", mach)),
		"macOS module, two processors":        found("foreign", of(linux, "demo/a.cpython-312-darwin.so", fat)),
		"macOS library in a wheel for Linux":  found("foreign", of(linux, "demo/x.dylib", mach)),
		"macOS program in a wheel for Linux":  found("~foreign", of(linux, "demo/run", mach)),
		"macOS module in a wheel for any":     found("foreign", of(pure, "demo/a.so", mach)),
		"macOS module in one for macOS":       of("cp312-cp312-macosx_11_0_arm64", "demo/a.so", mach),
		"Java class":                          of(linux, "demo/A.class", class),
		"text that begins with MZ":            of(linux, "demo/a.txt", "MZ"+strings.Repeat("text ", 50)),
	}
}

// tarGz packs headers as they are; content is what each has.
func tarGz(t *testing.T, tail string, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	compress := gzip.NewWriter(&buf)
	w := tar.NewWriter(compress)
	for _, h := range headers {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content = h.Uname // any text that fits
			h.Size, h.Uname = int64(len(content)), ""
		}
		if h.Mode == 0 && h.Typeflag != tar.TypeXGlobalHeader {
			h.Mode = 0o644
		}
		err := w.WriteHeader(&h)
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	compress.Write([]byte(tail))
	if err := compress.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func sdistCases(t *testing.T) map[string]ruleCase {
	t.Helper()
	file := func(name, content string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Uname: content}
	}
	link := func(kind byte, name, target string) tar.Header {
		return tar.Header{Typeflag: kind, Name: name, Linkname: target}
	}
	info := file("demo-1.0/PKG-INFO", metadata(""))
	sdist := func(want string, headers ...tar.Header) ruleCase {
		return ruleCase{filename: "demo-1.0.tar.gz", data: tarGz(t, "", append([]tar.Header{info}, headers...)...), want: want}
	}
	zip := func(want string, members ...member) ruleCase {
		return ruleCase{filename: "demo-1.0.zip", data: archive{members: append([]member{{name: "demo-1.0/PKG-INFO", content: metadata("")}}, members...)}.bytes(t), want: want}
	}
	targz := wheeltest.BuildSdist(t, wheeltest.Sdist{})
	broken := bytes.Clone(targz)
	broken[len(broken)-6]++
	return map[string]ruleCase{
		"sdist":                         sdist("", file("demo-1.0/a.py", "x")),
		"sdist with directories":        sdist("", tar.Header{Typeflag: tar.TypeDir, Name: "demo-1.0/sub/"}, file("demo-1.0/sub/a.py", "x")),
		"sdist with ./":                 {filename: "demo-1.0.tar.gz", data: tarGz(t, "", tar.Header{Typeflag: tar.TypeDir, Name: "./"}, file("./demo-1.0/PKG-INFO", metadata("")))},
		"sdist with a comment":          sdist("", tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}),
		"sdist with ELF":                sdist("", file("demo-1.0/tests/a.so", elf(sharedObject, x86_64, 64, false))),
		"sdist with old metadata":       {filename: "demo-1.0.tar.gz", data: tarGz(t, "", file("demo-1.0/PKG-INFO", strings.Replace(metadata(""), "2.4", "1.0", 1)))},
		"sdist with a link":             sdist("", link(tar.TypeSymlink, "demo-1.0/sub/a", "../README"), link(tar.TypeSymlink, "demo-1.0/b", "sub/x"), link(tar.TypeLink, "demo-1.0/c", "demo-1.0/PKG-INFO")),
		"sdist: absolute path":          sdist("path", file("/etc/passwd", "x")),
		"sdist: parent":                 sdist("path", file("demo-1.0/../../x", "x")),
		"sdist: backslash":              sdist("path", file(`demo-1.0\..\x`, "x")),
		"sdist: link out":               sdist("link", link(tar.TypeSymlink, "demo-1.0/a", "../../etc/passwd")),
		"sdist: link beside":            sdist("link", link(tar.TypeSymlink, "demo-1.0/a", "../demo-1.0-more/x")),
		"sdist: absolute link":          sdist("link", link(tar.TypeSymlink, "demo-1.0/a", "/etc/passwd")),
		"sdist: parent behind a name":   sdist("link", link(tar.TypeSymlink, "demo-1.0/a", "b/../c")),
		"sdist: hard link out":          sdist("link", link(tar.TypeLink, "demo-1.0/a", "etc/passwd")),
		"sdist: hard link, absolute":    sdist("link", link(tar.TypeLink, "demo-1.0/a", "/etc/passwd")),
		"sdist: device":                 sdist("link", tar.Header{Typeflag: tar.TypeChar, Name: "demo-1.0/null"}),
		"sdist: FIFO":                   sdist("link", tar.Header{Typeflag: tar.TypeFifo, Name: "demo-1.0/pipe"}),
		"sdist: PKG-INFO is a link":     {filename: "demo-1.0.tar.gz", data: tarGz(t, "", link(tar.TypeSymlink, "demo-1.0/PKG-INFO", "x")), want: "link"},
		"sdist: file through a link":    sdist("duplicate", link(tar.TypeSymlink, "demo-1.0/a", "sub"), file("demo-1.0/a/b", "x")),
		"sdist: same file twice":        sdist("duplicate", file("demo-1.0/a", "x"), file("demo-1.0/a", "y")),
		"sdist: second PKG-INFO":        sdist("duplicate", file("demo-1.0/PKG-INFO", metadata("Summary: other\n"))),
		"sdist: case":                   sdist("~collision", file("demo-1.0/readme", "x"), file("demo-1.0/README", "x")),
		"sdist: file at the root":       sdist("root", file("setup.py", "x")),
		"sdist: two directories":        sdist("root", file("other/setup.py", "x")),
		"sdist: directory of another":   {filename: "demo-1.0.tar.gz", data: tarGz(t, "", file("src/PKG-INFO", metadata(""))), want: "~root"},
		"sdist: set-user-ID":            sdist("~mode", tar.Header{Typeflag: tar.TypeReg, Name: "demo-1.0/a", Mode: 0o4755}),
		"sdist: checksum of the gzip":   {filename: "demo-1.0.tar.gz", data: broken, want: "archive"},
		"sdist: cut short":              {filename: "demo-1.0.tar.gz", data: targz[:len(targz)-9], want: "archive"},
		"sdist: bytes behind the gzip":  {filename: "demo-1.0.tar.gz", data: append(bytes.Clone(targz), "hello"...), want: "archive"},
		"sdist: bytes behind the tar":   {filename: "demo-1.0.tar.gz", data: tarGz(t, "hello", info), want: "structure"},
		"sdist: zeros behind the tar":   {filename: "demo-1.0.tar.gz", data: tarGz(t, strings.Repeat("\x00", 8192), info)},
		"sdist: unpacks to much":        {filename: "demo-1.0.tar.gz", data: tarGz(t, strings.Repeat("\x00", 65<<20), info), want: "limit"},
		"sdist: METADATA is of another": {filename: "demo-1.1.tar.gz", data: targz, want: "version"},

		"zip sdist":                {filename: "demo-1.0.zip", data: wheeltest.BuildSdist(t, wheeltest.Sdist{Ext: ".zip"})},
		"zip sdist: parent":        zip("path", member{name: "demo-1.0/../x", content: "x"}),
		"zip sdist: link":          zip("link", member{name: "demo-1.0/x", content: "y", mode: 0o120777}),
		"zip sdist: gap":           zip("structure", member{name: "demo-1.0/x", content: "y", before: "gap"}),
		"zip sdist: CRC":           zip("content", member{name: "demo-1.0/x", content: "y", lie: func(crc *uint32, _, _ *int) { *crc++ }}),
		"zip sdist: twice":         zip("duplicate", member{name: "demo-1.0/PKG-INFO", content: "y"}),
		"zip sdist: two at root":   zip("root", member{name: "setup.py", content: "y"}),
		"zip sdist: case":          zip("~collision", member{name: "demo-1.0/a"}, member{name: "demo-1.0/A"}),
		"zip sdist: other content": zip("", member{name: "demo-1.0/demo.data/x"}, member{name: "demo-1.0/x.dist-info/y"}),
	}
}
