package difftest_test

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// mutation is one change of a real wheel.
type mutation struct {
	name   string
	change func(*kit)
	rules  string // that refuse it, "" if it is accepted
	takers string // who takes it all the same; docs/intake.md lists these
	binary bool   // change markupsafe, not six
}

func mutations() []mutation {
	var all []mutation
	for _, list := range [][]mutation{legal(), archives(), names(), texts()} {
		all = append(all, list...)
	}
	return all
}

// legal are oddities that the rules accept.
func legal() []mutation {
	return []mutation{
		{name: "nothing", change: func(*kit) {}},
		{name: "nothing, binary", binary: true, change: func(*kit) {}},
		{name: "all stored", change: func(k *kit) {
			for i := range k.parts {
				k.parts[i].stored = true
			}
		}},
		{name: "data descriptors", change: func(k *kit) { k.patch(described) }},
		{name: "empty file, deflated", change: func(k *kit) { k.add(part{name: "six_/__init__.py"}) }},
		{name: "directories", change: func(k *kit) { k.add(part{name: "six_/", mode: 0o40755}, part{name: "six_/a.py"}) }},
		{name: "directory twice", change: func(k *kit) { k.add(part{name: "six_/"}, part{name: "six_/"}, part{name: "six_/a.py"}) }},
		{name: "set-user-ID", change: func(k *kit) { k.part("six.py").mode = 0o104755 }},
		{name: "comment of a member", change: func(k *kit) { k.part("six.py").comment = "hello" }},
		{name: "extra field of times", change: func(k *kit) { k.part("six.py").extra = "UT\x05\x00\x01abcd" }},
		{name: "names beyond ASCII", change: func(k *kit) { k.add(part{name: "six_/ä名.txt", content: "x", flags: 1 << 11}) }},
		{name: "names with blanks and colons", change: func(k *kit) { k.add(part{name: "six_/a file: 'x'.txt", content: "x"}) }},
		{name: "RECORD in SHA-512", change: func(k *kit) {
			p := k.part("six.py")
			sum := sha512.Sum512([]byte(p.content))
			p.line = fmt.Sprintf("six.py,sha512=%s,%d", base64.RawURLEncoding.EncodeToString(sum[:]), len(p.content))
		}},
		{name: "RECORD without sizes", change: func(k *kit) {
			p := k.part("six.py")
			p.line = strings.TrimRight(p.recordLine(), "0123456789\n")
		}},
		{name: "RECORD lists a directory", change: func(k *kit) {
			k.add(part{name: "six_/", mode: 0o40755})
			k.record = func(s string) string { return "six_/,,\n" + s }
		}},
		{name: "RECORD does not list itself", change: func(k *kit) {
			k.record = func(s string) string { return strings.Replace(s, k.info+"RECORD,,\n", "", 1) }
		}},
		{name: "RECORD lists a file twice", change: func(k *kit) { k.record = func(s string) string { return k.part("six.py").recordLine() + s } }},
		{name: "RECORD with CRLF", change: func(k *kit) { k.record = func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") } }},
		{name: "RECORD.jws", change: func(k *kit) { k.add(part{name: k.info + "RECORD.jws", content: "{}", line: "-"}) }},
		{name: "dist-info in other case", change: func(k *kit) { k.rename("Six-1.17.0.dist-info/") }},
		{name: "file name in other case", change: func(k *kit) { k.filename = "Six-1.17.0-py2.py3-none-any.whl" }},
		{name: "WHEEL has no tags", change: func(k *kit) {
			k.replace("WHEEL", "Tag: py2-none-any\n", "")
			k.replace("WHEEL", "Tag: py3-none-any\n", "")
		}},
		{name: "WHEEL 1.9", change: func(k *kit) { k.replace("WHEEL", "Wheel-Version: 1.0", "Wheel-Version: 1.9") }},
		{name: "build tag in the name only", change: func(k *kit) { k.filename = "six-1.17.0-3-py2.py3-none-any.whl" }},
		{name: "METADATA 2.6", change: func(k *kit) { k.metadataVersion("2.6") }},
		{name: "METADATA 1.1", change: func(k *kit) { k.metadataVersion("1.1") }},
		{name: "METADATA with CRLF", change: func(k *kit) {
			p := k.part(k.info + "METADATA")
			p.content = strings.ReplaceAll(p.content, "\n", "\r\n")
		}},
		{name: "METADATA header ends in prose", change: func(k *kit) {
			k.replace("METADATA", "Name: six\nVersion: 1.17.0\n", "Name: six\nVersion: 1.17.0\nhello\n")
		}},
		{name: "Requires-Python with a star", change: func(k *kit) { k.requiresPython(">=2.7.*") }},
		{name: "Provides-Extra that is no name", change: func(k *kit) { k.addField("Provides-Extra: a b") }},
		{name: "licence file missing", change: func(k *kit) { k.addField("License-File: NOTHING") }},
		{name: "entry points", change: func(k *kit) {
			k.add(part{name: k.info + "entry_points.txt", content: "# x\n[console_scripts]\nsix-3.12 = six:main [extra]\n\n[some.group]\nany name = six\n"})
		}},
		{name: "all schemes", change: func(k *kit) {
			for _, scheme := range []string{"scripts/run", "headers/a.h", "data/share/x", "purelib/six_a.py", "platlib/six_b.py"} {
				k.add(part{name: "six-1.17.0.data/" + scheme, content: "#!python\n"})
			}
		}},
		{name: "data in another spelling", change: func(k *kit) { k.add(part{name: "Six-1.17.0.data/data/share/x", content: "x"}) }},
		{name: "launcher for Windows", change: func(k *kit) { k.add(part{name: "six_/t64.exe", content: portable()}) }},
		{name: "DLL for Windows", binary: true, change: func(k *kit) { k.add(part{name: "markupsafe/attach.dll", content: portable()}) }},
		{name: "names that differ in case", binary: true, change: func(k *kit) {
			k.add(part{name: "markupsafe/xt_MARK.h", content: "x"}, part{name: "markupsafe/xt_mark.h", content: "y"})
		}},
		{name: "renamed to plain Linux", binary: true, change: func(k *kit) {
			i := strings.Index(k.filename, "-manylinux")
			k.filename = k.filename[:i] + "-linux_x86_64.whl"
		}},
	}
}

// portable is the beginning of a program for Windows.
func portable() string {
	b := make([]byte, 256)
	copy(b, "MZ")
	b[60] = 128
	copy(b[128:], "PE\x00\x00")
	return string(b)
}

// rename gives the dist-info directory another name.
func (k *kit) rename(directory string) {
	for i := range k.parts {
		if rest, ok := strings.CutPrefix(k.parts[i].name, k.info); ok {
			k.parts[i].name = directory + rest
		}
	}
	k.info = directory
}

func (k *kit) metadataVersion(version string) {
	p := k.part(k.info + "METADATA")
	_, rest, _ := strings.Cut(p.content, "\n")
	p.content = "Metadata-Version: " + version + "\n" + rest
}

func (k *kit) requiresPython(specifiers string) {
	p := k.part(k.info + "METADATA")
	before, rest, _ := strings.Cut(p.content, "Requires-Python: ")
	_, rest, _ = strings.Cut(rest, "\n")
	p.content = before + "Requires-Python: " + specifiers + "\n" + rest
}

// addField puts a line at the front of METADATA.
func (k *kit) addField(line string) {
	p := k.part(k.info + "METADATA")
	p.content = line + "\n" + p.content
}

// described moves the sizes of all members behind them.
func described(data []byte) []byte {
	le := binary.LittleEndian
	var out, directory []byte
	for at := directoryAt(data); le.Uint32(data[at:]) == 0x02014b50; {
		n := 46 + int(le.Uint16(data[at+28:])) + int(le.Uint16(data[at+30:])) + int(le.Uint16(data[at+32:]))
		entry := bytes.Clone(data[at : at+n])
		local, packed := int(le.Uint32(entry[42:])), int(le.Uint32(entry[20:]))
		length := 30 + int(le.Uint16(data[local+26:])) + int(le.Uint16(data[local+28:]))
		header := bytes.Clone(data[local : local+length])
		header[6] |= 8
		entry[8] |= 8
		le.PutUint32(entry[42:], uint32(len(out)))
		copy(header[14:26], make([]byte, 12))
		out = append(append(out, header...), data[local+length:local+length+packed]...)
		out = append(append(out, "PK\x07\x08"...), entry[16:28]...)
		directory = append(directory, entry...)
		at += n
	}
	end := bytes.Clone(data[len(data)-22:])
	le.PutUint32(end[16:], uint32(len(out)))
	return append(append(out, directory...), end...)
}
