package wheel_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

func zipCases(t *testing.T) map[string]ruleCase {
	t.Helper()
	file := func(change func(*member)) []byte {
		m := member{name: "demo/a.py", content: strings.Repeat("print()\n", 50), deflate: true}
		change(&m)
		return wheelOf(m).bytes(t)
	}
	whole := func(change func(*archive)) []byte {
		a := wheelOf(member{name: "demo/a.py", content: "print()\n"})
		change(&a)
		return a.bytes(t)
	}
	double := func(n *int) { *n *= 2 }
	nested := string(wheeltest.Build(t, wheeltest.Wheel{Name: "inner"}))
	cases := map[string]ruleCase{
		"deflated":             {data: file(func(*member) {})},
		"stored":               {data: file(func(m *member) { m.deflate = false })},
		"empty file, deflated": {data: wheelOf(member{name: "demo/a.py", deflate: true}).bytes(t)},
		"directories":          {data: wheelOf(member{name: "demo/", mode: 0o40755}, member{name: "demo/a.py", content: "1"}).bytes(t)},
		"a zip inside":         {data: file(func(m *member) { m.content, m.deflate = nested, false })},
		"comment of a member":  {data: file(func(m *member) { m.comment = "hello" })},
		"flags for the level":  {data: file(func(m *member) { m.flags = 2 })},
		"extra field of times": {data: file(func(m *member) { m.localExtra, m.extra = field(0x5455, "\x01abcd"), field(0x5455, "\x01abcd") })},
		"padding to align":     {data: file(func(m *member) { m.localExtra = "\x00\x00\x00" })},

		"not a zip":                              {data: []byte(strings.Repeat("hello ", 100)), want: "archive"},
		"comment of the archive":                 {data: whole(func(a *archive) { a.comment = "hello" }), want: "archive"},
		"second archive in a comment":            {data: whole(func(a *archive) { a.comment = nested[len(nested)-22:] }), want: "archive"},
		"bytes before, offsets from the archive": {data: whole(func(a *archive) { a.before, a.shifted = "#!/bin/sh\n", true }), want: "archive"},
		"bytes before, offsets from the file":    {data: whole(func(a *archive) { a.before = "#!/bin/sh\n" }), want: "structure"},
		"bytes before the directory":             {data: whole(func(a *archive) { a.behind = "hello" }), want: "structure"},
		"gap":                                    {data: file(func(m *member) { m.before = "gap" }), want: "structure"},
		"gap with an archive":                    {data: whole(func(a *archive) { a.members[1].before = nested }), want: "structure"},
		"overlap":                                {data: whole(func(a *archive) { a.overlaps = true }), want: "structure"},
		"local header has another name":          {data: file(func(m *member) { m.localName = "demo/b.py" }), want: "structure"},
		"local header has a longer name":         {data: file(func(m *member) { m.localName = "demo/a.pyc" }), want: "structure"},
		"local header has other flags":           {data: file(func(m *member) { m.localFlags = 4 }), want: "structure"},
		"local header has another method":        {data: file(func(m *member) { m.deflate, m.localMethod = false, 8 }), want: "structure"},
		"local header has another CRC":           {data: file(func(m *member) { m.lieLocal = func(crc *uint32, _, _ *int) { *crc++ } }), want: "structure"},
		"local header has another size":          {data: file(func(m *member) { m.lieLocal = func(_ *uint32, _, n *int) { *n++ } }), want: "structure"},
		"unknown flag":                           {data: file(func(m *member) { m.flags = 1 << 13 }), want: "structure"},
		"patched data":                           {data: file(func(m *member) { m.flags = 1 << 5 }), want: "structure"},
		"directory with content":                 {data: wheelOf(member{name: "demo/", content: "x"}).bytes(t), want: "structure"},
		"end record in a member's comment":       {data: file(func(m *member) { m.comment = nested[len(nested)-22:] }), want: "structure"},
		"end record in an extra field":           {data: file(func(m *member) { m.extra = field(0xcafe, nested[len(nested)-22:]) }), want: "structure"},
		"end record in a local extra field":      {data: file(func(m *member) { m.localExtra = field(0xcafe, nested[len(nested)-22:]) }), want: "structure"},
		"extra field cut short":                  {data: file(func(m *member) { m.extra = "\xfe\xca\x09\x00abc" }), want: "structure"},
		"stray bytes in an extra field":          {data: file(func(m *member) { m.localExtra = "abc" }), want: "structure"},
		"extra field with the same name":         {data: file(func(m *member) { m.extra = unicodePath("demo/a.py", "demo/a.py") })},
		"extra field with another name":          {data: file(func(m *member) { m.extra = unicodePath("demo/a.py", "demo/b.py") }), want: "structure"},
		"stored size is not the size": {data: file(func(m *member) {
			m.deflate, m.lie = false, func(_ *uint32, _, n *int) { *n-- }
		}), want: "structure"},

		"encrypted": {data: file(func(m *member) { m.flags = 1 }), want: "method"},
		"bzip2":     {data: file(func(m *member) { m.method = 12 }), want: "method"},

		"version 6.3 of zip needed":       {data: needing(t, "PK\x01\x02", 6, 63, 0)},
		"version 4.5, and a system":       {data: needing(t, "PK\x03\x04", 4, 45, 3)},
		"version 6.4 needed":              {data: needing(t, "PK\x01\x02", 6, 64, 0), want: "method"},
		"version 10 needed":               {data: needing(t, "PK\x01\x02", 6, 100, 3), want: "method"},
		"version 6.4 in the local header": {data: needing(t, "PK\x03\x04", 4, 64, 0), want: "method"},
		"zstandard":                       {data: file(func(m *member) { m.method = 93 }), want: "method"},

		"CRC is wrong in both headers":     {data: file(func(m *member) { m.lie = func(crc *uint32, _, _ *int) { *crc++ } }), want: "content"},
		"larger than both headers say":     {data: file(func(m *member) { m.lie = func(_ *uint32, _, n *int) { *n-- } }), want: "content record-hash"},
		"smaller than both headers say":    {data: file(func(m *member) { m.lie = func(_ *uint32, _, n *int) { double(n) } }), want: "content record-hash"},
		"bytes behind the deflate stream":  {data: file(func(m *member) { m.packedTail = "hello" }), want: "content"},
		"deflate stream behind the other":  {data: file(func(m *member) { m.packedTail = string(deflated(t, "more")) }), want: "content"},
		"deflate stream without its end":   {data: endless(t), want: "content"},
		"deflate stream that is no stream": {data: file(func(m *member) { m.deflate, m.method = false, 8 }), want: "content"},
	}
	for length, name := range map[int]string{
		12: "data descriptor of 12 bytes", 16: "data descriptor of 16 bytes", 20: "data descriptor of 20 bytes", 24: "data descriptor of 24 bytes",
	} {
		cases[name] = ruleCase{data: file(func(m *member) { m.descriptor = length }), want: "~descriptor"}
	}
	for name, c := range map[string]ruleCase{
		"data descriptor and sizes before":     {data: file(func(m *member) { m.descriptor, m.said = 16, true }), want: "~descriptor"},
		"data descriptor of a stored member":   {data: file(func(m *member) { m.descriptor, m.deflate = 16, false }), want: "structure"},
		"data descriptor without flag":         {data: whole(func(a *archive) { a.members[1].before = "PK\x07\x08abcdefghijkl" }), want: "structure"},
		"flag for a data descriptor, but none": {data: file(func(m *member) { m.flags = 8 }), want: "structure"},
		"data descriptor that is none":         {data: swapped(file(func(m *member) { m.descriptor = 16 })), want: "structure"},
		"data descriptor with another size":    {data: resized(file(func(m *member) { m.descriptor = 16 })), want: "structure"},
	} {
		cases[name] = c
	}
	return cases
}

func swapped(data []byte) []byte {
	return []byte(strings.Replace(string(data), "PK\x07\x08", "PK\x08\x07", 1))
}

// resized changes the last byte of the first data descriptor.
func resized(data []byte) []byte {
	i := strings.Index(string(data), "PK\x07\x08")
	data[i+15]++
	return data
}

// unicodePath is the extra field of Info-ZIP that renames a member.
func unicodePath(name, other string) string {
	return field(0x7075, "\x01"+crcText(name)+other)
}

// endless is a member whose deflate stream has all bytes and no last block.
func endless(t *testing.T) []byte {
	t.Helper()
	content := "print()\n"
	// A stored block that says that another one follows (RFC 1951, 3.2.4).
	stream := "\x00\x08\x00\xf7\xff" + content
	m := member{name: "demo/a.py", content: stream, method: 8, record: strings.TrimSuffix(recordLine(member{name: "demo/a.py", content: content}), "\n")}
	m.lie = func(crc *uint32, _, n *int) { *crc, *n = crcOf(content), len(content) }
	return wheelOf(m).bytes(t)
}

func zip64Cases(t *testing.T) map[string]ruleCase {
	t.Helper()
	const size, all = 8, 1<<32 - 1
	file := func(local, central string, lieLocal, lie func(*uint32, *int, *int)) []byte {
		return wheelOf(member{name: "demo/a.py", content: "print()\n", localExtra: local, extra: central, lie: lie, lieLocal: lieLocal}).bytes(t)
	}
	truth := func(_ *uint32, p, u *int) { *p, *u = size, size }
	sentinels := func(_ *uint32, p, u *int) { *p, *u = all, all }
	half := func(_ *uint32, p, u *int) { *p, *u = size, all }
	sizes := field(1, wide(size, size))
	return map[string]ruleCase{
		"zip64 in the local header":           {data: file(sizes, "", sentinels, nil)},
		"zip64 in both headers":               {data: file(sizes, sizes, sentinels, sentinels)},
		"zip64 repeats the sizes":             {data: file(sizes, sizes, nil, nil)},
		"zip64 for one of two sizes":          {data: file(sizes, field(1, wide(size)), sentinels, half)},
		"zip64 is not needed and empty":       {data: file(field(1, ""), "", nil, nil)},
		"zip64 missing":                       {data: file("", "", nil, half), want: "structure"},
		"zip64 cut short":                     {data: file("", field(1, wide(size)), truth, sentinels), want: "structure"},
		"zip64 with another size":             {data: file("", field(1, wide(size, size+1)), nil, nil), want: "structure"},
		"zip64 with another size, used":       {data: file("", field(1, wide(size, size+1)), truth, sentinels), want: "structure"},
		"zip64 with more than is asked for":   {data: file("", field(1, wide(size, size)), truth, half), want: "structure"},
		"zip64 twice":                         {data: file("", sizes+sizes, truth, sentinels), want: "structure"},
		"zip64 with a size beyond all":        {data: file("", field(1, wide(1<<63, 1<<63)), truth, sentinels), want: "structure"},
		"zip64 of the local header is untrue": {data: file(field(1, wide(size, 2*size)), "", sentinels, nil), want: "structure"},
	}
}

func limitCases(t *testing.T) map[string]ruleCase {
	t.Helper()
	bomb := func(n int) []byte {
		m := member{name: "demo/zeros", content: strings.Repeat("\x00", n), deflate: true}
		return wheelOf(m).bytes(t)
	}
	return map[string]ruleCase{
		"small and all zeros": {data: bomb(32 << 20)},
		"large and all zeros": {data: bomb(65 << 20), want: "limit"},
		"METADATA too large": {data: wheelOf(member{
			name: demo + "METADATA", content: "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n\n" + strings.Repeat("x\n", 3<<20), deflate: true,
		}).bytes(t), want: "limit"},
		"entry points too large": {data: wheelOf(member{name: demo + "entry_points.txt", content: strings.Repeat("# \n", 1<<20), deflate: true}).bytes(t), want: "limit"},
	}
}

// needing is a wheel that puts a version of zip into all headers of one kind.
func needing(t *testing.T, signature string, at int, version, system byte) []byte {
	t.Helper()
	data := wheelOf(member{name: "demo/a.py", content: "x"}).bytes(t)
	for i := range data {
		if bytes.HasPrefix(data[i:], []byte(signature)) {
			data[i+at], data[i+at+1] = version, system
		}
	}
	return data
}
