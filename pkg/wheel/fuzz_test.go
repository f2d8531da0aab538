package wheel_test

import (
	"archive/zip"
	"bytes"
	"encoding/hex"
	"io"
	"path"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

func FuzzParseVersion(f *testing.F) {
	for _, s := range append(ordered, " v1.0-RC.1\n", "1!2.0-3+Ubuntu_01", "1.0a-", "1.0..1", "1.0+\xff") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := wheel.ParseVersion(s)
		if err != nil {
			return
		}
		again := mustVersion(t, v.String())
		if !again.Equal(v) || again.String() != v.String() || !mustVersion(t, v.Key()).Equal(v) {
			t.Errorf("%q: %q becomes %q, key %q", s, v, again, v.Key())
		}
		if v.Public().Compare(v) > 0 {
			t.Errorf("%q sorts before its public version", s)
		}
	})
}

func FuzzParseSpecifiers(f *testing.F) {
	for _, s := range []string{">=1.0,!=1.5.*,<2", "~=1.2.3", "===foo", "==1.0+local", " , ,>1", "==1!1.*", ">=\n1"} {
		f.Add(s, "1.5.1rc1+cpu")
	}
	f.Fuzz(func(t *testing.T, s, version string) {
		set, err := wheel.ParseSpecifiers(s)
		if err != nil {
			return
		}
		again, err := wheel.ParseSpecifiers(set.String())
		if err != nil || again.String() != set.String() {
			t.Fatalf("%q: normal form %q becomes %q, %v", s, set, again, err)
		}
		v, err := wheel.ParseVersion(version)
		if err != nil {
			return
		}
		if set.Contains(v, true) != again.Contains(v, true) {
			t.Errorf("%q and its normal form differ on %s", s, v)
		}
		if set.Contains(v, false) && !set.Contains(v, true) {
			t.Errorf("%q contains %s only without pre-releases", s, v)
		}
	})
}

func FuzzParseMarker(f *testing.F) {
	for _, s := range []string{
		`python_version < "3.11" and (extra == 'A_b' or "x" in extras)`, `os_name == 'po\x73ix'`, `((os.name=='a'))or sys_platform not  in"b"`,
		`'a' == "os_name"`, `os_name == sys_platform`, `os_name == 'a\`, `os_name == '\777'`,
	} {
		f.Add(s)
	}
	env := linux
	env.Sets = map[string][]string{"extras": {"x"}}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := wheel.ParseMarker(s)
		if err != nil {
			return
		}
		holds, evalErr := m.Evaluate(env)
		if strings.Contains(m.String(), `\`) || strings.ContainsAny(m.String(), "\n\r\x00") {
			return // literals are not escaped again
		}
		again, err := wheel.ParseMarker(m.String())
		if err != nil || again.String() != m.String() {
			t.Fatalf("%q: normal form %q becomes %q, %v", s, m, again, err)
		}
		if holdsAgain, err := again.Evaluate(env); holds != holdsAgain || (err == nil) != (evalErr == nil) {
			t.Errorf("%q: %v, %v; its normal form: %v, %v", s, holds, evalErr, holdsAgain, err)
		}
	})
}

func FuzzParseRequirement(f *testing.F) {
	for _, s := range []string{`a[b, c] (>=1,<2) ; os_name == "x"`, "a @ https://registry.example/x ; os_name == 'x'", "a===1,,<2", "a ,", "a[]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := wheel.ParseRequirement(s)
		if err != nil || strings.Contains(s, `\`) {
			return
		}
		again, err := wheel.ParseRequirement(r.String())
		if err != nil || again.String() != r.String() {
			t.Errorf("%q: normal form %q becomes %q, %v", s, r, again, err)
		}
	})
}

func FuzzParseFilename(f *testing.F) {
	for _, s := range []string{
		"Foo.Bar-2.9.1+rhaiv.3-4cuda-cp311.cp312-abi3-linux_x86_64.whl", "python-dateutil-2.9.0.post0.tar.gz", "a-1.zip", "a-1-1-py3-none-any.whl", "\x00-1.zip",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := wheel.ParseAnyFilename(s)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00\x1b") {
				t.Errorf("%q: the error would spoil a terminal: %q", s, err)
			}
			return
		}
		if name.Project != wheel.NormalizeName(name.Name) || wheel.CheckName(name.Project) != nil || name.Version.IsZero() || len(name.Tags) > wheel.MaxTags {
			t.Errorf("%q gave %+v", s, name)
		}
		if strings.ContainsAny(s, "/\\ \n\x00") || len(s) > wheel.MaxFilenameLength || (name.Type == wheel.TypeWheel) != (len(name.Tags) > 0) {
			t.Errorf("%q was accepted", s)
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	for _, s := range []string{required, required + "Summary: a\n  b\n\nbody", required + "License: x\nprose\n", "Name: a\r\rbody", ":x\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := wheel.ParseMetadata(data)
		if err != nil {
			return
		}
		if m.Name == "" || m.Version.IsZero() || wheel.CheckName(m.Name) != nil || strings.Contains(m.LicenseLine(), "\n") {
			t.Errorf("%q gave %+v", data, m)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	for _, s := range []string{"a,sha256=AAECAw,1\nRECORD,,\n", "\"a,\"\"\",,\n", "a,,\r\n\r\n", "a,b\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := wheel.ParseRecord(data)
		for _, e := range entries {
			if err != nil || e.Path == "" || e.Size < -1 || (e.Hash == "") != (e.Digest == nil) {
				t.Errorf("%q gave %+v, %v", data, e, err)
			}
		}
	})
}

func FuzzInspect(f *testing.F) {
	for _, w := range []wheeltest.Wheel{{}, {Deflate: true}, {Name: "other"}, {Omit: []string{"RECORD"}}} {
		f.Add(wheeltest.Build(f, w), 0)
	}
	f.Add(zip64(wheeltest.Build(f, wheeltest.Wheel{}), true), 0)
	f.Add(zip64(wheeltest.Build(f, wheeltest.Wheel{}), false), 0)
	for _, m := range []member{
		{deflate: true, descriptor: 16}, {deflate: true, descriptor: 12}, {localExtra: field(1, "")}, {mode: 0o120777}, {comment: "x"}, {before: "gap"},
	} {
		m.name, m.content = "demo/a.py", "print()"
		f.Add(wheelOf(m, member{name: demo + "entry_points.txt", content: "[console_scripts]\na = b:c\n"}).bytes(f), 0)
	}
	f.Add(tagged("cp312-cp312-linux_x86_64", member{name: "demo/a.so", content: elf(sharedObject, x86_64, 64, false)}).bytes(f), 1)
	f.Add(wheeltest.BuildSdist(f, wheeltest.Sdist{}), 2)
	f.Add(wheeltest.BuildSdist(f, wheeltest.Sdist{Ext: ".zip"}), 3)
	limits := wheel.Limits{Unpacked: 1 << 20, Metadata: 1 << 16, Record: 1 << 16}
	names := []string{demoName, "demo-1.0-cp312-cp312-linux_x86_64.whl", "demo-1.0.tar.gz", "demo-1.0.zip"}
	f.Fuzz(func(t *testing.T, data []byte, name int) {
		filename, seen := names[uint(name)%uint(len(names))], seenMembers{}
		info, err := wheel.Inspect(t.Context(), bytes.NewReader(data), int64(len(data)), filename, limits, seen)
		if err != nil {
			if len(wheel.Refusals(err)) == 0 || strings.ContainsAny(err.Error(), "\n\x00\x1b") {
				t.Errorf("refused with %q", err)
			}
			return
		}
		if info.SHA256 != sum(data) || info.Size != int64(len(data)) || int64(len(info.Metadata)) > limits.Metadata || info.Unpacked > limits.Unpacked {
			t.Errorf("gave %+v", info)
		}
		if info.PackageType == wheel.TypeWheel {
			compareWithLibrary(t, data, seen)
		}
	})
}

// seenMembers keeps what a visitor is shown.
type seenMembers map[string]*bytes.Buffer

type nopCloser struct{ *bytes.Buffer }

func (nopCloser) Close() error { return nil }

func (s seenMembers) Visit(name string, _ int64, _ []byte) (io.WriteCloser, error) {
	s[name] = &bytes.Buffer{}
	return nopCloser{s[name]}, nil
}

// compareWithLibrary holds a wheel that was accepted against another reader of
// zips: the same members with the same content, and RECORD lists them.
func compareWithLibrary(t *testing.T, data []byte, seen seenMembers) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("accepted, but archive/zip says %v", err)
	}
	files := 0
	var record []wheel.RecordEntry
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		files++
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil || seen[f.Name] == nil || !bytes.Equal(content, seen[f.Name].Bytes()) {
			t.Fatalf("%q is another for archive/zip (%v)", f.Name, err)
		}
		if strings.HasSuffix(f.Name, ".dist-info/RECORD") && strings.Count(f.Name, "/") == 1 {
			if record, err = wheel.ParseRecord(content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if files != len(seen) {
		t.Errorf("archive/zip has %d files, %d were shown", files, len(seen))
	}
	for _, e := range record {
		if b := seen[e.Path]; b != nil && e.Hash == "sha256" && sum(b.Bytes()) != hex.EncodeToString(e.Digest) && !strings.HasSuffix(e.Path, "/RECORD") {
			t.Errorf("accepted, but %q has another hash", e.Path)
		}
	}
}

// FuzzContents has sound archives with any text in them.
func FuzzContents(f *testing.F) {
	f.Add("demo/a.py", "print()", metadata(""), wheelFile("true", "py3-none-any", ""), "", "[console_scripts]\na = b:c\n", uint16(0o644))
	f.Add("demo/a.so", elf(sharedObject, x86_64, 64, false), metadata("Requires-Dist: a>=1\nLicense-File: L\n"), wheelFile("true", "py3-none-any", "Build: 1\n"), "demo/a.so,,\n", "[a]\nb=c\n", uint16(0))
	f.Add("demo-1.0.data/scripts/run", pe(), metadata("Provides-Extra: a\n\nbody"), wheelFile("true", "py2.py3-none-any", ""), "\"a\",md5=AA,1\n", "", uint16(0o100755))
	f.Add("DEMO/\u00e4", "x", "Metadata-Version: 2.9\nName: demo\nVersion: 1\nRequires-Python: >=3.*\n", wheelFile("true", "py3-none-any", ""), "", "", uint16(0))
	f.Fuzz(func(t *testing.T, name, content, metadata, wheelFile, record, points string, mode uint16) {
		if max(len(name), len(content), len(metadata), len(wheelFile), len(record), len(points)) > 1<<12 {
			return
		}
		a := wheelOf(
			member{name: demo + "METADATA", content: metadata}, member{name: demo + "WHEEL", content: wheelFile},
			member{name: demo + "entry_points.txt", content: points}, member{name: name, content: content, mode: uint32(mode), flags: 1 << 11, deflate: len(content)%2 == 0},
		)
		a.extra = record
		data := a.bytes(t)
		seen := seenMembers{}
		info, err := wheel.Inspect(t.Context(), bytes.NewReader(data), int64(len(data)), demoName, wheel.Limits{}, seen)
		if err != nil {
			for _, e := range wheel.Refusals(err) {
				if strings.ContainsAny(e.Error(), "\n\r\x00\x1b") || e.Reason == "" || e.File != demoName {
					t.Errorf("refused with %q", e)
				}
			}
			if len(wheel.Refusals(err)) == 0 {
				t.Errorf("refused with %v", err)
			}
			return
		}
		for _, w := range info.Warnings {
			if strings.ContainsAny(w.Reason, "\n\r\x00\x1b") {
				t.Errorf("warned with %q", w)
			}
		}
		if path.Clean("/x/"+name) != "/x/"+strings.TrimSuffix(name, "/") {
			t.Errorf("the path %q was accepted", name)
		}
		compareWithLibrary(t, data, seen)
	})
}
