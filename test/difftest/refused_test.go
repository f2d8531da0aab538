package difftest_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// editEntry changes the entry of a member in the directory, or its local header.
func editEntry(name string, change func(entry, local []byte)) func([]byte) []byte {
	return func(data []byte) []byte {
		out := bytes.Clone(data)
		entry, local := entryAt(out, name)
		change(out[entry:], out[local:])
		return out
	}
}

// archives are changes of the archive's structure.
func archives() []mutation {
	le := binary.LittleEndian
	behind := func(text string) func([]byte) []byte {
		return func(data []byte) []byte { return append(bytes.Clone(data), text...) }
	}
	start := func([]byte) int { return 0 }
	comment := func(text string) func([]byte) []byte {
		return func(data []byte) []byte {
			out := append(bytes.Clone(data), text...)
			le.PutUint16(out[len(data)-2:], uint16(len(text)))
			return out
		}
	}
	return []mutation{
		{name: "cut short", rules: "archive", change: func(k *kit) { k.patch(func(d []byte) []byte { return d[:len(d)-30] }) }},
		{name: "bytes behind", rules: "archive", takers: "pip wheel", change: func(k *kit) { k.patch(behind("hello")) }},
		{name: "comment of the archive", rules: "archive", takers: "pip uv wheel", change: func(k *kit) { k.patch(comment("hello")) }},
		{name: "archive in a comment", rules: "archive", change: func(k *kit) { k.patch(comment("PK\x05\x06" + strings.Repeat("\x00", 18))) }},
		{name: "script before", rules: "archive", takers: "pip wheel", change: func(k *kit) { k.patch(func(d []byte) []byte { return append([]byte("#!/bin/sh\n"), d...) }) }},
		{name: "bytes before the directory", rules: "structure", takers: "pip uv wheel", change: func(k *kit) { k.patch(insert(directoryAt, "hello")) }},
		{name: "bytes before, offsets mended", rules: "structure", takers: "pip uv wheel", change: func(k *kit) { k.patch(insert(start, "hello")); k.patch(moved(5)) }},
		{name: "local header with another name", rules: "structure", change: func(k *kit) { k.patch(editEntry("six.py", func(_, local []byte) { local[30] = 'x' })) }},
		{name: "local header with another size", rules: "structure", takers: "pip wheel", change: func(k *kit) { k.patch(editEntry("six.py", func(_, local []byte) { local[22]++ })) }},
		{name: "local header with another CRC", rules: "structure", takers: "pip uv wheel", change: func(k *kit) { k.patch(editEntry("six.py", func(_, local []byte) { local[14]++ })) }},
		{name: "local header with another method", rules: "structure", takers: "pip uv wheel", change: func(k *kit) { k.patch(editEntry("six.py", func(_, local []byte) { local[8] = 0 })) }},
		{name: "two entries for one place", rules: "structure", change: func(k *kit) { k.add(part{name: "siy.py", content: "x"}); k.patch(overlapped("six.py", "siy.py")) }},
		{name: "another name in an extra field", rules: "structure", takers: "pip uv wheel", change: func(k *kit) {
			k.part("six.py").extra = "\x75\x70\x0b\x00\x01" + string(le.AppendUint32(nil, 0x12345678)) + "siy.py"
		}},
		{name: "encrypted", rules: "method", change: func(k *kit) { k.part("six.py").flags = 1 }},
		{name: "bzip2", rules: "method", change: func(k *kit) { k.part("six.py").method = 12 }},
		{name: "unknown flag", rules: "structure", takers: "pip uv wheel", change: func(k *kit) { k.part("six.py").flags = 1 << 13 }},
		{name: "CRC", rules: "content", change: func(k *kit) { k.part("six.py").crc = 1 }},
		{name: "more bytes than the size", rules: "content record-hash", change: func(k *kit) { k.part("six.py").size = 100 }},
		{name: "fewer bytes than the size", rules: "content record-hash", takers: "pip wheel", change: func(k *kit) { k.part("six.py").size = 1 << 20 }},
		{name: "damaged stream", rules: "content", change: func(k *kit) {
			k.patch(editEntry("six.py", func(_, local []byte) { local[36] = 0x07 }))
		}},
	}
}

// moved adds to the offsets of all members.
func moved(by uint32) func([]byte) []byte {
	return func(data []byte) []byte {
		le := binary.LittleEndian
		out := bytes.Clone(data)
		for at := directoryAt(out); le.Uint32(out[at:]) == 0x02014b50; {
			le.PutUint32(out[at+42:], le.Uint32(out[at+42:])+by)
			at += 46 + int(le.Uint16(out[at+28:])) + int(le.Uint16(out[at+30:])) + int(le.Uint16(out[at+32:]))
		}
		return out
	}
}

// overlapped sends the second member's entry to the first one's content.
func overlapped(first, second string) func([]byte) []byte {
	return func(data []byte) []byte {
		out := bytes.Clone(data)
		a, _ := entryAt(out, first)
		b, _ := entryAt(out, second)
		copy(out[b+42:b+46], out[a+42:a+46])
		return out
	}
}

// names are changes of names and kinds of members.
func names() []mutation {
	const x = "x"
	add := func(name string) func(*kit) {
		return func(k *kit) { k.add(part{name: name, content: x, flags: 1 << 11}) }
	}
	return []mutation{
		{name: "absolute path", rules: "path", takers: "uv wheel", change: add("/six_/a.py")},
		{name: "parent", rules: "path", takers: "uv wheel", change: add("../a.py")},
		{name: "parent inside", rules: "path", takers: "uv wheel", change: add("six_/../../a.py")},
		{name: "parent that stays inside", rules: "path", takers: "pip uv wheel", change: add("six_/../a.py")},
		{name: "dot", rules: "path", takers: "pip uv wheel", change: add("./a.py")},
		{name: "two slashes", rules: "path", takers: "pip uv wheel", change: add("six_//a.py")},
		{name: "backslash", rules: "path", takers: "pip uv wheel", change: add(`six_\a.py`)},
		{name: "backslash and parent", rules: "path", takers: "pip uv wheel", change: add(`..\a.py`)},
		{name: "drive letter", rules: "path", takers: "pip uv wheel", change: add("C:/a.py")},
		{name: "NUL", rules: "path", takers: "pip", change: add("a.py\x00b")},
		{name: "escape", rules: "path", takers: "pip wheel", change: add("a\x1b[2J.py")},
		{name: "not marked as UTF-8", rules: "path", takers: "pip", change: func(k *kit) { k.add(part{name: "six_/ä.py", content: x}) }},
		{name: "not UTF-8", rules: "path", takers: "pip", change: func(k *kit) { k.add(part{name: "six_/\xff.py", content: x, line: "-"}) }},
		{name: "name of 300 bytes", rules: "path", change: add("six_/" + strings.Repeat("a", 300))},
		{name: "symbolic link", rules: "link", takers: "pip uv wheel", change: func(k *kit) { k.add(part{name: "six_/a", content: "/etc/passwd", mode: 0o120777}) }},
		{name: "device", rules: "link", takers: "pip uv wheel", change: func(k *kit) { k.add(part{name: "six_/a", mode: 0o020666}) }},
		{name: "same file twice", rules: "duplicate", takers: "pip uv", change: func(k *kit) { k.add(part{name: "six.py", content: x, line: "-"}) }},
		{name: "file and directory", rules: "duplicate", change: func(k *kit) { k.add(part{name: "six_", content: x}, part{name: "six_/a", content: x}) }},
		{name: "names that differ in case, any", rules: "collision", takers: "pip uv wheel", change: func(k *kit) { k.add(part{name: "SIX.py", content: x}) }},
		{name: "same place in purelib", rules: "collision", takers: "pip uv wheel", change: func(k *kit) { k.add(part{name: "six-1.17.0.data/purelib/six.py", content: x}) }},
		{name: "second dist-info", rules: "dist-info", takers: "wheel", change: add("other-1.0.dist-info/METADATA")},
		{name: "dist-info as data", rules: "dist-info", takers: "pip uv wheel", change: add("six-1.17.0.data/purelib/other-1.0.dist-info/METADATA")},
		{name: "dist-info of another project", rules: "dist-info", change: func(k *kit) { k.rename("other-1.17.0.dist-info/") }},
		{name: "dist-info of another version", rules: "dist-info", takers: "pip uv", change: func(k *kit) { k.rename("six-1.18.0.dist-info/") }},
		{name: "unknown scheme", rules: "data", takers: "wheel", change: add("six-1.17.0.data/stdlib/os.py")},
		{name: "file without a scheme", rules: "data", takers: "wheel", change: add("six-1.17.0.data/run")},
		{name: "script in a directory", rules: "data", takers: "pip wheel", change: add("six-1.17.0.data/scripts/sub/run")},
		{name: "data of another release", rules: "data", takers: "pip uv wheel", change: add("other-1.0.data/data/share/x")},
		{name: "module for Windows", rules: "foreign", takers: "pip uv wheel", change: func(k *kit) { k.add(part{name: "six_/a.pyd", content: portable()}) }},
		{name: "ELF in a wheel for any", rules: "elf", takers: "pip uv wheel", change: func(k *kit) { k.add(part{name: "six_/a.so", content: elfHeader(62)}) }},
		{name: "ELF for another processor", rules: "elf", takers: "pip uv wheel", binary: true, change: func(k *kit) { k.add(part{name: "markupsafe/a.so", content: elfHeader(243)}) }},
	}
}

func elfHeader(machine uint16) string {
	b := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 57)...)
	binary.LittleEndian.PutUint16(b[16:], 3)
	binary.LittleEndian.PutUint16(b[18:], machine)
	return string(b)
}

// texts are changes of what the wheel says about itself.
func texts() []mutation {
	drop := func(name string) func(*kit) {
		return func(k *kit) {
			for i := range k.parts {
				if k.parts[i].name == k.info+name {
					k.parts = append(k.parts[:i], k.parts[i+1:]...)
					return
				}
			}
		}
	}
	line := func(format string) func(*kit) {
		return func(k *kit) {
			p := k.part("six.py")
			p.line = fmt.Sprintf(format, len(p.content))
		}
	}
	points := func(text string) func(*kit) {
		return func(k *kit) { k.add(part{name: k.info + "entry_points.txt", content: text}) }
	}
	return []mutation{
		{name: "no METADATA", rules: "member", takers: "wheel", change: drop("METADATA")},
		{name: "no WHEEL", rules: "member", takers: "wheel", change: drop("WHEEL")},
		{name: "file not in RECORD", rules: "record-files", takers: "pip uv", change: func(k *kit) { k.part("six.py").line = "-" }},
		{name: "file of RECORD missing", rules: "record-files", takers: "pip uv wheel", change: func(k *kit) { k.record = func(s string) string { return "a.py,sha256=AAAA,1\n" + s } }},
		{name: "no hash", rules: "record-hash", takers: "pip uv", change: line("six.py,,%d")},
		{name: "MD5", rules: "record-hash", takers: "pip uv", change: line("six.py,md5=AAAAAAAAAAAAAAAAAAAAAA,%d")},
		{name: "another hash", rules: "record-hash", takers: "pip uv", change: line("six.py,sha256=" + strings.Repeat("A", 43) + ",%d")},
		{name: "another size", rules: "record-hash", takers: "pip uv wheel", change: func(k *kit) {
			p := k.part("six.py")
			p.line = strings.TrimSpace(p.recordLine()) + "0"
		}},
		{name: "RECORD is no CSV", rules: "record", takers: "pip", change: func(k *kit) { k.record = func(string) string { return "hello\n" } }},
		{name: "METADATA of another project", rules: "name", takers: "wheel", change: func(k *kit) { k.replace("METADATA", "Name: six", "Name: other") }},
		{name: "METADATA of another version", rules: "version", takers: "pip wheel", change: func(k *kit) { k.replace("METADATA", "Version: 1.17.0", "Version: 1.18.0") }},
		{name: "METADATA 1.0", rules: "metadata", takers: "pip uv wheel", change: func(k *kit) { k.metadataVersion("1.0") }},
		{name: "METADATA 3.0", rules: "metadata", takers: "pip uv wheel", change: func(k *kit) { k.metadataVersion("3.0") }},
		{name: "METADATA not UTF-8", rules: "metadata", takers: "uv wheel", change: func(k *kit) { k.addField("Author: \xff") }},
		{name: "Name twice", rules: "metadata", takers: "pip uv wheel", change: func(k *kit) { k.addField("Name: six") }},
		{name: "broken Requires-Dist", rules: "requirement", takers: "wheel", change: func(k *kit) { k.addField("Requires-Dist: six=1.0") }},
		{name: "old Requires-Dist", rules: "requirement", takers: "wheel", change: func(k *kit) { k.addField("Requires-Dist: six (>=1.0-*)") }},
		{name: "broken Requires-Python", rules: "requirement", takers: "pip wheel", change: func(k *kit) { k.requiresPython("3") }},
		{name: "Wheel-Version 2.0", rules: "wheel-file", takers: "wheel", change: func(k *kit) { k.replace("WHEEL", "Wheel-Version: 1.0", "Wheel-Version: 2.0") }},
		{name: "tag missing in WHEEL", rules: "tags", takers: "pip uv wheel", change: func(k *kit) { k.replace("WHEEL", "Tag: py2-none-any\n", "") }},
		{name: "tag missing in the name", rules: "tags", takers: "pip uv wheel", change: func(k *kit) { k.filename = "six-1.17.0-py3-none-any.whl" }},
		{name: "renamed for another Python", rules: "tags", takers: "pip uv wheel", change: func(k *kit) { k.filename = "six-1.17.0-cp311-none-any.whl" }},
		{name: "another build tag", rules: "build", takers: "pip uv wheel", change: func(k *kit) { k.addBuild("4"); k.filename = "six-1.17.0-3-py2.py3-none-any.whl" }},
		{name: "script outside", rules: "entry-points", takers: "wheel", change: points("[console_scripts]\n../../run = six:main\n")},
		{name: "script without a function", rules: "entry-points", takers: "wheel", change: points("[console_scripts]\nrun = six\n")},
		{name: "script with code", rules: "entry-points", takers: "pip wheel", change: points("[console_scripts]\nrun = six:main();x\n")},
		{name: "entry point before a section", rules: "entry-points", takers: "pip wheel", change: points("run = six:main\n")},
	}
}

func (k *kit) addBuild(build string) {
	p := k.part(k.info + "WHEEL")
	p.content = strings.TrimRight(p.content, "\n") + "\nBuild: " + build + "\n"
}
