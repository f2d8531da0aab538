package wheel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// tagged is a wheel whose WHEEL has these tags, expanded.
func tagged(tags string, members ...member) archive {
	return wheelOf(append([]member{{name: demo + "WHEEL", content: wheelFile("false", tags, "")}}, members...)...)
}

func wheelFile(pure, tags, more string) string {
	var b strings.Builder
	b.WriteString("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: " + pure + "\n")
	parts := strings.Split(tags, "-")
	for python := range strings.SplitSeq(parts[0], ".") {
		for abi := range strings.SplitSeq(parts[1], ".") {
			for platform := range strings.SplitSeq(parts[2], ".") {
				b.WriteString("Tag: " + python + "-" + abi + "-" + platform + "\n")
			}
		}
	}
	return b.String() + more
}

func recordCases(t *testing.T) map[string]ruleCase {
	t.Helper()
	const content = "print()\n"
	line := func(text string) []byte {
		return wheelOf(member{name: "demo/a.py", content: content, record: text}).bytes(t)
	}
	lines := func(extra string) []byte {
		a := wheelOf(member{name: "demo/a.py", content: content})
		a.extra = extra
		return a.bytes(t)
	}
	own := func(change func(string) string) []byte {
		a := wheelOf(member{name: "demo/a.py", content: content})
		record := ""
		for _, m := range a.members {
			record += recordLine(m)
		}
		return wheelOf(append(a.members, member{name: demo + "RECORD", content: change(record)})...).bytes(t)
	}
	good := recordLine(member{name: "demo/a.py", content: content})
	good = strings.ReplaceAll(strings.TrimSpace(good), `"`, "")
	digest := func(algorithm string) string { return encodedDigest(algorithm, content) }
	signed := wheelOf(member{name: demo + "RECORD.jws", content: "{}", record: "-"}, member{name: demo + "RECORD.p7s", content: "x", record: "-"})
	return map[string]ruleCase{
		"RECORD: signatures are exempt": {data: signed.bytes(t)},
		"RECORD: SHA-384":               {data: line("demo/a.py,sha384=" + digest("sha384") + ",8")},
		"RECORD: SHA-512":               {data: line("demo/a.py,sha512=" + digest("sha512") + ",8")},
		"RECORD: in capitals":           {data: line("demo/a.py,SHA256=" + digest("sha256") + ",8")},
		"RECORD: padded":                {data: line(strings.Replace(good, ",8", "=,8", 1))},
		"RECORD: no size":               {data: line(strings.TrimSuffix(good, "8"))},
		"RECORD: directories":           {data: lines("demo/,,\n")},
		"RECORD: CRLF":                  {data: own(func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") + demo + "RECORD,,\r\n" })},
		"RECORD: no line end":           {data: own(func(s string) string { return s + demo + "RECORD,," })},
		"RECORD: lists its signature":   {data: lines(demo + "RECORD.jws,,\n")},
		"RECORD: itself with a hash":    {data: own(func(s string) string { return s + demo + "RECORD,sha256=" + digest("sha256") + ",8\n" })},

		"RECORD: does not list itself":  {data: own(func(s string) string { return s }), want: "~record"},
		"RECORD: same line twice":       {data: lines(good + "\n"), want: "~record"},
		"RECORD: two sizes":             {data: lines(strings.Replace(good, ",8", ",9", 1) + "\n"), want: "record"},
		"RECORD: not CSV":               {data: own(func(s string) string { return s + "a;b;c\n" }), want: "record"},
		"RECORD: a field too many":      {data: own(func(s string) string { return s + "a,,,\n" }), want: "record"},
		"RECORD: hash that is no hash":  {data: line("demo/a.py,sha256:xyz,8"), want: "record"},
		"RECORD: size that is negative": {data: line(strings.Replace(good, ",8", ",-8", 1)), want: "record"},
		"RECORD: not UTF-8":             {data: own(func(s string) string { return s + "\xff,,\n" }), want: "record"},

		"RECORD: file not listed":             {data: line("-"), want: "record-files"},
		"RECORD: listed file missing":         {data: lines("demo/b.py,sha256=" + digest("sha256") + ",8\n"), want: "record-files"},
		"RECORD: listed with another case":    {data: line(strings.Replace(good, "demo/a", "demo/A", 1)), want: "record-files"},
		"RECORD: path from the parent":        {data: lines("../x.py,sha256=" + digest("sha256") + ",8\n"), want: "record-files"},
		"RECORD: signature of other RECORD":   {data: wheelOf(member{name: "demo/RECORD.jws", content: "x", record: "-"}).bytes(t), want: "record-files"},
		"RECORD: no hash":                     {data: line("demo/a.py,,8"), want: "record-hash"},
		"RECORD: MD5":                         {data: line("demo/a.py,md5=" + digest("md5") + ",8"), want: "record-hash"},
		"RECORD: SHA-1":                       {data: line("demo/a.py,sha1=" + digest("sha1") + ",8"), want: "record-hash"},
		"RECORD: unknown hash":                {data: line("demo/a.py,blake2b=" + digest("sha512") + ",8"), want: "record-hash"},
		"RECORD: hash of another content":     {data: line("demo/a.py,sha256=" + encodedDigest("sha256", "x") + ",8"), want: "record-hash"},
		"RECORD: SHA-512 of another content":  {data: line("demo/a.py,sha512=" + encodedDigest("sha512", "x") + ",8"), want: "record-hash"},
		"RECORD: hash of another length":      {data: line("demo/a.py,sha512=" + digest("sha256") + ",8"), want: "record-hash"},
		"RECORD: another size":                {data: line(strings.Replace(good, ",8", ",9", 1)), want: "record-hash"},
		"RECORD: hash of METADATA is another": {data: wheelOf(member{name: demo + "METADATA", content: metadata(""), record: demo + "METADATA,sha256=" + digest("sha256") + ","}).bytes(t), want: "record-hash"},
	}
}

func tagCases(t *testing.T) map[string]ruleCase {
	t.Helper()
	wheelWith := func(text string) []byte { return wheelOf(member{name: demo + "WHEEL", content: text}).bytes(t) }
	linux := "demo-1.0-cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
	return map[string]ruleCase{
		"tags in another order": {
			filename: "demo-1.0-py2.py3-none-any.whl", data: wheelWith("Wheel-Version: 1.0\nTag: py3-none-any\nTag: py2-none-any\n"),
		},
		"tags not expanded":             {filename: "demo-1.0-py2.py3-none-any.whl", data: wheelWith("Wheel-Version: 1.0\nTag: py2.py3-none-any\n")},
		"tags in capitals":              {data: wheelWith("Wheel-Version: 1.0\nTag: PY3-none-any\n")},
		"minor version of the format":   {data: wheelWith("Wheel-Version: 1.9\nTag: py3-none-any\n")},
		"no Root-Is-Purelib":            {data: wheelWith("Wheel-Version: 1.0\nTag: py3-none-any\n")},
		"no tags":                       {data: wheelWith("Wheel-Version: 1.0\n"), want: "~tags"},
		"renamed to manylinux":          {filename: linux, data: tagged("cp312-cp312-linux_x86_64").bytes(t), want: "~tags"},
		"renamed, other processor":      {filename: linux, data: tagged("cp312-cp312-linux_aarch64").bytes(t), want: "tags"},
		"renamed, other Python":         {filename: linux, data: tagged("cp311-cp311-linux_x86_64").bytes(t), want: "tags"},
		"renamed from any":              {filename: linux, data: tagged("py3-none-any").bytes(t), want: "tags"},
		"tag missing":                   {filename: "demo-1.0-py2.py3-none-any.whl", data: wheelWith("Wheel-Version: 1.0\nTag: py3-none-any\n"), want: "tags"},
		"tag too much":                  {data: wheelWith("Wheel-Version: 1.0\nTag: py2.py3-none-any\n"), want: "tags"},
		"tag that is none":              {data: wheelWith("Wheel-Version: 1.0\nTag: py3\n"), want: "wheel-file"},
		"no Wheel-Version":              {data: wheelWith("Tag: py3-none-any\n"), want: "wheel-file"},
		"Wheel-Version 2":               {data: wheelWith("Wheel-Version: 2.0\nTag: py3-none-any\n"), want: "wheel-file"},
		"Wheel-Version twice":           {data: wheelWith("Wheel-Version: 1.0\nWheel-Version: 1.0\nTag: py3-none-any\n"), want: "wheel-file"},
		"WHEEL is prose":                {data: wheelWith("hello\n"), want: "wheel-file"},
		"build tag":                     {filename: "demo-1.0-4cuda-py3-none-any.whl", data: wheelWith("Wheel-Version: 1.0\nTag: py3-none-any\nBuild: 4cuda\n")},
		"build tag with zeros":          {filename: "demo-1.0-4-py3-none-any.whl", data: wheelWith("Wheel-Version: 1.0\nTag: py3-none-any\nBuild: 04\n")},
		"build tag only in the name":    {filename: "demo-1.0-4-py3-none-any.whl", data: wheelOf().bytes(t), want: "~build"},
		"build tag only in WHEEL":       {data: wheelWith("Wheel-Version: 1.0\nTag: py3-none-any\nBuild: 4\n"), want: "build"},
		"another build tag":             {filename: "demo-1.0-4-py3-none-any.whl", data: wheelWith("Wheel-Version: 1.0\nTag: py3-none-any\nBuild: 5\n"), want: "build"},
		"build tag without a number":    {filename: "demo-1.0-4-py3-none-any.whl", data: wheelWith("Wheel-Version: 1.0\nTag: py3-none-any\nBuild: x\n"), want: "build"},
		"file name without tags":        {filename: "demo-1.0.whl", data: wheelOf().bytes(t), want: "filename"},
		"file name of nothing known":    {filename: "demo-1.0.egg", data: wheelOf().bytes(t), want: "filename"},
		"file name that is a path":      {filename: "x/demo-1.0-py3-none-any.whl", data: wheelOf().bytes(t), want: "filename"},
		"file name that is too long":    {filename: "demo-1.0-py3-none-any" + strings.Repeat(".linux_x86_64", 20) + ".whl", data: wheelOf().bytes(t), want: "filename"},
		"file name with build tag only": {filename: "demo-1.0-4-py3.whl", data: wheelOf().bytes(t), want: "filename"},
	}
}

func metadata(more string) string {
	return "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n" + more
}

func metadataCases(t *testing.T) map[string]ruleCase {
	t.Helper()
	cases := map[string]ruleCase{}
	with := func(text string, members ...member) []byte {
		return wheelOf(append([]member{{name: demo + "METADATA", content: text}}, members...)...).bytes(t)
	}
	for version, want := range map[string]string{
		"1.0": "metadata", "1.1": "", "1.2": "", "1.3": "metadata", "2.0": "", "2.1": "", "2.2": "", "2.3": "", "2.4": "", "2.5": "",
		"2.6": "~metadata", "2.10": "~metadata", "3.0": "metadata", "2": "metadata", "2.x": "metadata",
	} {
		text := strings.Replace(metadata(""), "2.4", version, 1)
		cases["Metadata-Version "+version] = ruleCase{data: with(text), want: want}
	}
	for requirement, want := range map[string]string{
		"numpy (>=1.0)": "", "numpy>=1.0; extra == 'x'": "", "numpy @ https://registry.example/numpy.whl": "", "numpy>=1.*": "requirement",
		"numpy>=1.0-*": "requirement", "numpy=1.0": "requirement", "(numpy)": "requirement", "numpy; python_version": "requirement", "": "requirement",
	} {
		cases[fmt.Sprintf("Requires-Dist %q", requirement)] = ruleCase{data: with(metadata("Requires-Dist: " + requirement + "\n")), want: want}
	}
	for specifier, want := range map[string]string{">=3.9,<4": "", "": "", ">=3.9.*": "~requirement", ">=3.9.*,<4": "~requirement", ">3.9.*": "requirement", "3.9": "requirement", "==3.*": ""} {
		cases[fmt.Sprintf("Requires-Python %q", specifier)] = ruleCase{data: with(metadata("Requires-Python: " + specifier + "\n")), want: want}
	}
	licence := member{name: demo + "licenses/sub/LICENSE", content: "MIT"}
	for name, c := range map[string]ruleCase{
		"extra that is no name":    {data: with(metadata("Provides-Extra: a b\n")), want: "~requirement"},
		"name of another":          {data: with(strings.Replace(metadata(""), "demo", "other", 1)), want: "name"},
		"name in another spelling": {data: with(strings.Replace(metadata(""), "demo", "DEMO", 1))},
		"version of another":       {data: with(strings.Replace(metadata(""), "1.0", "1.1", 1)), want: "version"},
		"name twice":               {data: with(metadata("Name: demo\n")), want: "metadata"},
		"field that is unknown":    {data: with(metadata("X-Field: a\n"))},
		"header ends in prose":     {data: with(metadata("prose\nSummary: x\n")), want: "~metadata"},
		"empty METADATA":           {data: with(""), want: "metadata"},
		"METADATA not UTF-8":       {data: with(metadata("Author: \xff\n")), want: "metadata"},
		"CRLF":                     {data: with(strings.ReplaceAll(metadata("Summary: x\n"), "\n", "\r\n"))},
		"licence file":             {data: with(metadata("License-File: sub/LICENSE\n"), licence)},
		"licence file, old place":  {data: with(metadata("License-File: LICENSE\n"), member{name: demo + "LICENSE", content: "MIT"})},
		"licence file missing":     {data: with(metadata("License-File: LICENSE\n"), licence), want: "~license-files"},
	} {
		cases[name] = c
	}
	return cases
}

func entryPointCases(t *testing.T) map[string]ruleCase {
	t.Helper()
	cases := map[string]ruleCase{}
	for text, want := range map[string]string{
		"":                                     "",
		"[console_scripts]\nrun = demo:main\n": "",
		"[console_scripts]\r\nrun=demo.sub : main.x [extra]\r\n\r\n[gui_scripts]\nrun = demo:main\n": "",
		"# comment\n; comment\n[group]\nname with blanks = demo\n":                                   "",
		"[console_scripts]\nrun-3.12 = demo:main\n":                                                  "",
		"[pytest11]\nä = dämo\n":                                                                     "",
		"[console_scripts]\nrun = demo:main\nrun = demo:other\n":                                     "~entry-points",
		"[group]\nname = not an object\n":                                                            "~entry-points",
		"[group]\n = demo\n":                                                                         "~entry-points",
		"[console_scripts]\n../../bin/sh = demo:main\n":                                              "entry-points",
		"[console_scripts]\n/bin/sh = demo:main\n":                                                   "entry-points",
		"[gui_scripts]\na\\b = demo:main\n":                                                          "entry-points",
		"[console_scripts]\n.. = demo:main\n":                                                        "entry-points",
		"[console_scripts]\nrun\x00 = demo:main\n":                                                   "entry-points",
		"[console_scripts]\n= demo:main\n":                                                           "entry-points",
		"[console_scripts]\nrun = demo\n":                                                            "entry-points",
		"[[console_scripts]]\n../../run = demo:main\n":                                               "entry-points",
		"[ Console_Scripts ]\n../../run = demo:main\n":                                               "entry-points",
		"[other]\n# c\f../../run = demo:main\n":                                                      "entry-points",
		"[console_scripts]\n# c\u2028../../run = demo:main\n":                                        "entry-points",
		"[console_scripts]\n# c\u0085../../run = demo:main\n":                                        "entry-points",
		"[other]\na = b:c\r[console_scripts]\r../../run = demo:main\n":                               "entry-points",
		"[console_scripts]\n;run = demo:main\n":                                                      "entry-points",
		"[other]\n; comment\nrun = demo:main\n":                                                      "entry-points",
		"[console_scripts]\n# comment; = x\nrun = demo:main\n":                                       "",
		"[console_scripts]\na run = demo:main\n":                                                     "entry-points",
		"[console_scripts]\nrun] = demo:main\n":                                                      "entry-points",
		"[console_scripts]\npython = demo:main\n":                                                    "entry-points",
		"[gui_scripts]\nPython3.12t.exe = demo:main\n":                                               "entry-points",
		"[console_scripts]\npython-demo = demo:main\npy = demo:main\n":                               "",
		"[other]\npython = demo:main\na run = demo:main\n":                                           "",
		"[console_scripts]\nrun = demo:\n":                                                           "entry-points",
		"[console_scripts]\nrun = import os; os.system('x')\n":                                       "entry-points",
		"[console_scripts]\nrun = demo:main()\n":                                                     "entry-points",
		"[console_scripts]\nrun = 1demo:main\n":                                                      "entry-points",
		"[console_scripts]\nrun\n":                                                                   "entry-points",
		"run = demo:main\n":                                                                          "entry-points",
		"[console_scripts\nrun = demo:main\n":                                                        "entry-points",
		"[]\nrun = demo:main\n":                                                                      "entry-points",
		"[console_scripts]\nrun = demo:main \xff\n":                                                  "entry-points",
		"[console_scripts]\n" + strings.Repeat("x", 201) + " = demo:main\n":                          "entry-points",
	} {
		cases[fmt.Sprintf("entry points %.60q", text)] = ruleCase{
			data: wheelOf(member{name: demo + "entry_points.txt", content: text}).bytes(t), want: want,
		}
	}
	return cases
}

// TestLongSection: the name of a section is not kept with each of its entries.
func TestLongSection(t *testing.T) {
	var b strings.Builder
	b.WriteString("[" + strings.Repeat("o", 500_000) + "]\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "%d=a\n%d=a\n", i, i)
	}
	data := wheelOf(member{name: "demo.py"}, member{name: demo + "entry_points.txt", content: b.String()}).bytes(t)
	var err error
	n := allocated(func() { _, err = inspect(t, "demo-1.0-py3-none-any.whl", data) })
	if err != nil || n > 32<<20 {
		t.Errorf("%d bytes allocated, %v", n, err)
	}
}

// TestRecordOfMillions: lines about files that are not there are counted, and
// nothing is kept of them.
func TestRecordOfMillions(t *testing.T) {
	const lines = 300_000
	var b strings.Builder
	for i := range lines {
		fmt.Fprintf(&b, "%06d,,\n", i)
	}
	w := wheelOf(member{name: "demo.py"})
	w.extra = b.String()
	data := w.bytes(t)
	var err error
	n := allocated(func() { _, err = inspect(t, "demo-1.0-py3-none-any.whl", data) })
	list := wheel.Refusals(err)
	if len(list) != 100 || list[0].Rule != wheel.RuleRecordFiles || !strings.Contains(list[99].Error(), "and 299901 refusals more") {
		t.Errorf("%d refusals, %v ... %v", len(list), list[0], list[len(list)-1])
	}
	if limit := uint64(60*lines + 8<<20); n > limit {
		t.Errorf("%d bytes allocated, want at most %d", n, limit)
	}
}
