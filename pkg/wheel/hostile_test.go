package wheel_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

const demo = "demo-1.0.dist-info/"

// patched replaces one occurrence of old, counted from the front (0) or from
// the back (-1), by text of the same length.
func patched(t *testing.T, data []byte, old, replacement string, n int) []byte {
	t.Helper()
	i := bytes.Index(data, []byte(old))
	if n < 0 {
		i = bytes.LastIndex(data, []byte(old))
	}
	if i < 0 || len(old) != len(replacement) {
		t.Fatalf("cannot replace %q by %q", old, replacement)
	}
	out := bytes.Clone(data)
	copy(out[i:], replacement)
	return out
}

// withMembers is a demo wheel with the given members after its own.
func withMembers(t *testing.T, names ...string) []byte {
	t.Helper()
	valid := wheeltest.Build(t, wheeltest.Wheel{})
	in, err := zip.NewReader(bytes.NewReader(valid), int64(len(valid)))
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	out := zip.NewWriter(&buf)
	for _, f := range in.File {
		if err := out.Copy(f); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		if _, err := out.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestInspectRefusesContents(t *testing.T) {
	t.Parallel()
	const meta = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n"
	build := func(w wheeltest.Wheel) []byte { return wheeltest.Build(t, w) }
	for name, row := range map[string]struct {
		data   []byte
		rule   wheel.Rule
		member string
	}{
		"no WHEEL":                   {build(wheeltest.Wheel{Omit: []string{"WHEEL"}}), wheel.RuleMember, demo + "WHEEL"},
		"no METADATA":                {build(wheeltest.Wheel{Omit: []string{"METADATA"}}), wheel.RuleMember, demo + "METADATA"},
		"no RECORD":                  {build(wheeltest.Wheel{Omit: []string{"RECORD"}}), wheel.RuleMember, demo + "RECORD"},
		"no dist-info":               {build(wheeltest.Wheel{Omit: []string{"WHEEL", "METADATA", "RECORD"}}), wheel.RuleDistInfo, ""},
		"dist-info of a project":     {build(wheeltest.Wheel{Name: "other"}), wheel.RuleDistInfo, ""},
		"dist-info of a version":     {build(wheeltest.Wheel{Version: "1.0.1"}), wheel.RuleDistInfo, ""},
		"dist-info without local":    {build(wheeltest.Wheel{Version: "1.0+cpu"}), wheel.RuleDistInfo, ""},
		"two dist-info":              {withMembers(t, "demo-1.1.dist-info/METADATA"), wheel.RuleDistInfo, ""},
		"two dist-info, one in caps": {withMembers(t, "DEMO-1.0.dist-info/METADATA"), wheel.RuleCollision, "DEMO-1.0.dist-info/METADATA"},
		"two METADATA":               {withMembers(t, demo+"METADATA"), wheel.RuleDuplicate, demo + "METADATA"},
		"two RECORD":                 {withMembers(t, demo+"RECORD"), wheel.RuleDuplicate, demo + "RECORD"},
		"name in METADATA":           {build(wheeltest.Wheel{Metadata: strings.Replace(meta, "demo", "other", 1)}), wheel.RuleName, demo + "METADATA"},
		"version in METADATA":        {build(wheeltest.Wheel{Metadata: strings.Replace(meta, "1.0\n", "1.1\n", 1)}), wheel.RuleVersion, demo + "METADATA"},
		"local version in METADATA":  {build(wheeltest.Wheel{Metadata: strings.Replace(meta, "1.0\n", "1.0+cpu\n", 1)}), wheel.RuleVersion, demo + "METADATA"},
		"two names in METADATA":      {build(wheeltest.Wheel{Metadata: meta + "Name: demo\n"}), wheel.RuleMetadata, demo + "METADATA"},
		"METADATA not UTF-8":         {build(wheeltest.Wheel{Metadata: meta + "Author: \xff\n"}), wheel.RuleMetadata, demo + "METADATA"},
		"WHEEL of version 2":         {wheelOf(member{name: demo + "WHEEL", content: "Wheel-Version: 2.0\nTag: py3-none-any\n"}).bytes(t), wheel.RuleWheelFile, demo + "WHEEL"},
		"RECORD is no CSV":           {wheelOf(member{name: demo + "RECORD", content: "RECORD;;\n"}).bytes(t), wheel.RuleRecord, demo + "RECORD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := inspect(t, wheeltest.Wheel{}.Filename(), row.data)
			var e *wheel.Error
			if !errors.As(err, &e) || e.Rule != row.rule || e.Member != row.member || e.File != (wheeltest.Wheel{}).Filename() || e.Reason == "" {
				t.Errorf("%+v, want rule %q and member %q", err, row.rule, row.member)
			}
		})
	}
}

func TestInspectRefusesArchives(t *testing.T) {
	t.Parallel()
	valid := wheeltest.Build(t, wheeltest.Wheel{})
	stored := wheeltest.Build(t, wheeltest.Wheel{Deflate: true})
	name := wheeltest.Wheel{}.Filename()
	end := len(valid) - 22
	edit := func(at int, value byte) []byte {
		data := bytes.Clone(valid)
		data[at] = value
		return data
	}
	directory := int(binary.LittleEndian.Uint32(valid[end+16:]))
	for reason, row := range map[string]struct {
		data []byte
		rule wheel.Rule
	}{
		"nothing":                        {nil, wheel.RuleArchive},
		"text":                           {[]byte(strings.Repeat("hello ", 100)), wheel.RuleArchive},
		"a tar.gz":                       {wheeltest.BuildSdist(t, wheeltest.Sdist{}), wheel.RuleArchive},
		"cut short":                      {valid[:len(valid)-1], wheel.RuleArchive},
		"bytes before":                   {append([]byte("#!/bin/sh\n"), valid...), wheel.RuleArchive},
		"bytes after":                    {append(bytes.Clone(valid), 0), wheel.RuleArchive},
		"two zips":                       {append(bytes.Clone(valid), valid...), wheel.RuleArchive},
		"a comment":                      {append(edit(end+20, 3), "abc"...), wheel.RuleArchive},
		"several volumes":                {edit(end+4, 1), wheel.RuleArchive},
		"one member too few in the end":  {edit(end+10, valid[end+10]-1), wheel.RuleArchive},
		"one too few in both counts":     {patched(t, valid, string(valid[end+8:end+12]), "\x03\x00\x03\x00", -1), wheel.RuleArchive},
		"one too many in both counts":    {patched(t, valid, string(valid[end+8:end+12]), "\x05\x00\x05\x00", -1), wheel.RuleArchive},
		"directory elsewhere":            {edit(end+16, valid[end+16]+1), wheel.RuleArchive},
		"directory is shorter":           {edit(end+12, valid[end+12]-1), wheel.RuleArchive},
		"a directory entry is none":      {edit(directory, 'X'), wheel.RuleArchive},
		"a name beyond the directory":    {edit(directory+29, 0xff), wheel.RuleArchive},
		"zip64 field missing":            {edit32(valid, lastEntry(valid)+42, 1<<32-1), wheel.RuleStructure},
		"CRC":                            {patched(t, valid, "Metadata-Version: 2.4", "Metadata-Version: 2.3", 0), wheel.RuleContent},
		"local header has another name":  {patched(t, valid, demo+"METADATA", demo+"METADATE", 0), wheel.RuleStructure},
		"directory has another size":     {edit32(edit32(valid, lastEntry(valid)+20, 1), lastEntry(valid)+24, 1), wheel.RuleStructure},
		"stored size is not packed size": {edit32(valid, lastEntry(valid)+24, 1), wheel.RuleStructure},
		"member beyond the directory":    {edit32(valid, lastEntry(valid)+20, 1<<20), wheel.RuleStructure},
		"offset beyond the directory":    {edit32(valid, lastEntry(valid)+42, uint32(len(valid))), wheel.RuleStructure},
		"offset of no local header":      {edit32(valid, lastEntry(valid)+42, 1), wheel.RuleStructure},
		"encrypted":                      {edit(lastEntry(valid)+8, 1), wheel.RuleMethod},
		"bzip2":                          {edit(lastEntry(valid)+10, 12), wheel.RuleMethod},
		"damaged deflate stream":         {damaged(t, stored), wheel.RuleContent},
		"larger than it says":            {edit32(stored, lastEntry(stored)+24, 1), wheel.RuleStructure},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			_, err := inspect(t, name, row.data)
			var e *wheel.Error
			if !errors.As(err, &e) || e.Rule != row.rule {
				t.Errorf("%+v, want rule %q", err, row.rule)
			}
		})
	}
}

func TestInspectRefusesSdists(t *testing.T) {
	t.Parallel()
	targz := wheeltest.BuildSdist(t, wheeltest.Sdist{})
	for name, row := range map[string]struct {
		filename string
		data     []byte
		rule     wheel.Rule
	}{
		"a wheel":         {"demo-1.0.tar.gz", wheeltest.Build(t, wheeltest.Wheel{}), wheel.RuleArchive},
		"not a tar":       {"demo-1.0.tar.gz", gzipped(t, strings.Repeat("hello", 1000)), wheel.RuleArchive},
		"cut short":       {"demo-1.0.tar.gz", targz[:len(targz)/2], wheel.RuleArchive},
		"another name":    {"other-1.0.tar.gz", targz, wheel.RuleName},
		"another version": {"demo-1.1.tar.gz", targz, wheel.RuleVersion},
		"bad PKG-INFO":    {"demo-1.0.tar.gz", wheeltest.BuildSdist(t, wheeltest.Sdist{PkgInfo: "hello\n"}), wheel.RuleMetadata},
		"tar.gz as zip":   {"demo-1.0.zip", targz, wheel.RuleArchive},
	} {
		_, err := inspect(t, row.filename, row.data)
		var e *wheel.Error
		if !errors.As(err, &e) || e.Rule != row.rule || e.File != row.filename {
			t.Errorf("%s: %+v, want rule %q", name, err, row.rule)
		}
	}
}

// Python writes zip64 records from 2 GiB on, with values in the plain end
// record up to 4 GiB.
func TestInspectZip64(t *testing.T) {
	t.Parallel()
	valid := wheeltest.Build(t, wheeltest.Wheel{})
	for name, sentinels := range map[string]bool{"values in both end records": false, "sentinels": true} {
		data := zip64(valid, sentinels)
		if _, err := inspect(t, wheeltest.Wheel{}.Filename(), data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for at, what := range map[int]string{len(data) - 22 - 20 - 56 + 4: "record length", len(data) - 22 - 20 - 56 + 33: "count", len(data) - 22 - 20 + 8: "locator"} {
			broken := bytes.Clone(data)
			broken[at]++
			var e *wheel.Error
			if _, err := inspect(t, wheeltest.Wheel{}.Filename(), broken); !errors.As(err, &e) {
				t.Errorf("%s, %s changed: %v", name, what, err)
			}
		}
	}
}
