package wheel_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

const required = "Metadata-Version: 2.4\nName: foo\nVersion: 1.0\n"

func TestParseMetadata(t *testing.T) {
	t.Parallel()
	got, err := wheel.ParseMetadata([]byte("Metadata-Version: 2.4\r\nname: Foo.Bar\nVERSION:1.0.0 \nSummary: Größe\n  continued\n" +
		"Unknown-Field: x\nRequires-Dist: numpy>=2\nRequires-Dist: torch ; extra == 'gpu'\nProvides-Extra: gpu\nProject-URL: Home, https://registry.example\n" +
		"License-Expression: MIT\nLicense-File: LICENSE\nRequires-Python: >=3.11\nClassifier: A :: B\nDynamic: Summary\n\nName: in the body\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &wheel.Metadata{
		MetadataVersion: "2.4", Name: "Foo.Bar", Version: mustVersion(t, "1.0.0"), RawVersion: "1.0.0", Summary: "Größe\ncontinued",
		RequiresDist: []string{"numpy>=2", "torch ; extra == 'gpu'"}, ProvidesExtra: []string{"gpu"},
		ProjectURLs: []string{"Home, https://registry.example"}, LicenseExpression: "MIT", LicenseFiles: []string{"LICENSE"},
		RequiresPython: ">=3.11", Classifiers: []string{"A :: B"}, Dynamic: []string{"Summary"}, Description: "Name: in the body\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestParseMetadataDefect(t *testing.T) {
	t.Parallel()
	m, err := wheel.ParseMetadata([]byte(required + "License: MIT\nCopyright of someone\nRequires-Dist: numpy\n"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(m.Defect, "line 5") || len(m.RequiresDist) != 0 || !strings.HasPrefix(m.Description, "Copyright") {
		t.Errorf("got %+v", m)
	}
}

// TestLinesWithoutAName: what stands behind them counts, as for pip 26.3 and uv
// 0.13.8, which install it.
func TestLinesWithoutAName(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string]string{
		"an envelope":                  "From here on\n",
		"an envelope with a colon":     "From here: x\n",
		"a colon in front":             ": x\n",
		"a colon and its continuation": ": x\n and more\n",
		"several":                      ":\nFrom x\n: x\n",
	} {
		m, err := wheel.ParseMetadata([]byte(required + "Summary: a\n" + lines + "Requires-Dist: numpy\nRequires-Python: >=3.11\n\nbody\n"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(m.Defect, "line 5 names no field") || len(m.RequiresDist) != 1 || m.RequiresPython != ">=3.11" || m.Summary != "a" || m.Description != "body\n" {
			t.Errorf("%s: got %+v", name, m)
		}
	}
	m, err := wheel.ParseMetadata([]byte(required + ": x\nprose\nRequires-Dist: numpy\n"))
	if err != nil || len(m.RequiresDist) != 0 || !strings.Contains(m.Defect, "line 4") {
		t.Errorf("behind prose: %+v, %v", m, err)
	}
}

func TestParseMetadataRefuses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ in, reason string }{
		"nothing":               {"", "missing"},
		"body first":            {"\n" + required, "missing"},
		"continuation first":    {" x\n" + required, "missing"},
		"no name":               {"Metadata-Version: 2.4\nVersion: 1.0\n", "Name is missing"},
		"empty name":            {"Metadata-Version: 2.4\nName:\nName: foo\nVersion: 1.0\n", "empty"},
		"two names":             {required + "Name: bar\n", "more than once"},
		"two names, other case": {required + "NAME: foo\n", "more than once"},
		"two Requires-Python":   {required + "Requires-Python: >=3\nRequires-Python: >=4\n", "more than once"},
		"invalid name":          {"Metadata-Version: 2.4\nName: a/b\nVersion: 1.0\n", "not a project name"},
		"name on two lines":     {"Metadata-Version: 2.4\nName: a\n b\nVersion: 1.0\n", "not a project name"},
		"invalid version":       {"Metadata-Version: 2.4\nName: a\nVersion: latest\n", "not a PEP 440"},
		"metadata of tomorrow":  {"Metadata-Version: 3.0\nName: a\nVersion: 1\n", "not supported"},
		"not UTF-8":             {required + "Author: Jos\xe9\n", "not UTF-8"},
	} {
		_, err := wheel.ParseMetadata([]byte(row.in))
		var e *wheel.Error
		if !errors.As(err, &e) || e.Rule != wheel.RuleMetadata || !strings.Contains(e.Reason, row.reason) {
			t.Errorf("%s: %v, want one about %q", name, err, row.reason)
		}
	}
}

// TestManyLines: what is allocated stays in proportion to the text, however
// many continuations and fields it has.
func TestManyLines(t *testing.T) {
	for name, text := range map[string]string{
		"METADATA, continuations":     required + "Summary: x\n" + strings.Repeat(" \n", 100_000),
		"METADATA, long ones":         required + "Summary: x\n" + strings.Repeat(" xxxxxxxx\n", 100_000),
		"METADATA, fields of no use":  required + strings.Repeat("a:\n", 300_000),
		"WHEEL, continuations":        "Wheel-Version: 1.0\nGenerator: x\n" + strings.Repeat("\t\n", 100_000),
		"WHEEL, continuations of tag": "Wheel-Version: 1.0\nTag: py3-none-any\n" + strings.Repeat("\t\n", 100_000),
	} {
		var err error
		n := allocated(func() {
			if strings.HasPrefix(name, "WHEEL") {
				_, err = wheel.ParseWheelFile([]byte(text))
			} else {
				_, err = wheel.ParseMetadata([]byte(text))
			}
		})
		if limit := uint64(16*len(text) + 1<<20); err != nil || n > limit {
			t.Errorf("%s: %d bytes allocated for %d, want at most %d; %v", name, n, len(text), limit, err)
		}
	}
}

// allocated counts bytes; nothing else may run.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestLicenseLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"License: MIT\nLicense-Expression: Apache-2.0\n": "Apache-2.0", "License: BSD\n  all of it\n": "BSD", "License: UNKNOWN\n": "", "": "",
	} {
		m, err := wheel.ParseMetadata([]byte(required + in))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.LicenseLine(); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestParseRecord(t *testing.T) {
	t.Parallel()
	got, err := wheel.ParseRecord([]byte("foo/__init__.py,sha256=AAECAw,12\r\n\"a,\"\"b\"\".py\",SHA256=AAECAw==,0\n\nfoo-1.0.dist-info/RECORD,,\n"))
	if err != nil {
		t.Fatal(err)
	}
	digest := []byte{0, 1, 2, 3}
	want := []wheel.RecordEntry{
		{Path: "foo/__init__.py", Hash: "sha256", Digest: digest, Size: 12},
		{Path: `a,"b".py`, Hash: "sha256", Digest: digest, Size: 0},
		{Path: "foo-1.0.dist-info/RECORD", Size: -1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestParseRecordRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"two fields": "a,\n", "four fields": "a,,,\n", "no path": ",,\n", "hash without algorithm": "a,AAECAw,1\n", "empty hash": "a,sha256=,1\n",
		"standard base64": "a,sha256=++//,1\n", "negative size": "a,,-1\n", "signed size": "a,,+1\n", "size of words": "a,,x\n",
		"size beyond 63 bits": "a,,9223372036854775808\n", "open quote": "\"a,,\n", "not UTF-8": "\xff,,\n", "bits left over": "a,sha256=AAECAx,1\n",
	} {
		_, err := wheel.ParseRecord([]byte("ok,,\n" + in))
		var e *wheel.Error
		if !errors.As(err, &e) || e.Rule != wheel.RuleRecord {
			t.Errorf("%s: %v", name, err)
		} else if name != "not UTF-8" && name != "open quote" && !strings.Contains(e.Reason, "line 2") {
			t.Errorf("%s: the line is missing: %v", name, err)
		}
	}
}

func TestParseWheelFile(t *testing.T) {
	t.Parallel()
	w, err := wheel.ParseWheelFile([]byte("Wheel-Version: 1.0\nGenerator: x 1.2\nRoot-Is-Purelib: True\nTag: py2.py3-none-any\nBuild: 2\n"))
	if err != nil || len(w.Tags) != 2 || !w.RootIsPurelib || w.Generator != "x 1.2" || w.Build != "2" || w.Version != "1.0" {
		t.Errorf("%+v, %v", w, err)
	}
	for name, in := range map[string]string{
		"nothing": "", "version 2": "Wheel-Version: 2.0\n", "no minor": "Wheel-Version: 1\n", "bad tag": "Wheel-Version: 1.0\nTag: any\n",
		"prose": "Wheel-Version: 1.0\nhello\n", "twice": "Wheel-Version: 1.0\nWheel-Version: 1.0\n",
		"purelib twice": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\nRoot-Is-Purelib: false\n", "build twice": "Wheel-Version: 1.0\nBuild: 1\nBuild: 2\n",
		"not UTF-8": "Wheel-Version: 1.0\nGenerator: \xff\n",
	} {
		var e *wheel.Error
		if _, err := wheel.ParseWheelFile([]byte(in)); !errors.As(err, &e) || e.Rule != wheel.RuleWheelFile {
			t.Errorf("%s: %v", name, err)
		}
	}
}
