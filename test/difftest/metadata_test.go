package difftest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// document makes a METADATA: mostly sound, with what old builders left behind.
func (s source) document() string {
	newline := s.pick("\n", "\n", "\n", "\r\n", "\r")
	var b strings.Builder
	line := func(text string) { b.WriteString(text + newline) }
	line(s.pick("Metadata-Version: 2.1", "metadata-version:2.4", "Metadata-Version: 1.0", "Metadata-Version: 3.0", "Metadata-Version: 2.4 "))
	line("Name: " + s.pick("foo", "Foo.Bar", "a_b-c", " x ", "a b", "a/b", "-a"))
	line("Version: " + s.version())
	for range s.IntN(10) {
		line(s.pick("Summary: a demo", "Summary: Größe — 日本", "Summary:", "License: MIT", "License: UNKNOWN", "License-Expression: MIT", "LICENSE-FILE: LICENSE",
			"Requires-Python: "+s.specifier(), "Requires-Dist: "+s.requirement(), "Requires-Dist: numpy", "Provides-Extra: gpu", "Classifier: A :: B",
			"Dynamic: Summary", "Home-page: https://registry.example", "Author: A. U. Thor", "Keywords: a,b", "X-Unknown: é", "Name: foo", "Version: 1.0",
			"  continued", "\tcontinued", "        |continued", "prose", "prose: with a colon", "two words: x", "é: x", ""))
	}
	return b.String() + s.maybe(0.5, func() string { return newline + "A text." + newline + "Name: not a field" + newline })
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	s := newSource(11)
	var questions []question
	for range 2000 {
		questions = append(questions, question{Op: "metadata", A: s.document()})
	}
	type answer struct {
		OK      bool
		Strings []string
		Lists   [][]string
		Body    string
	}
	valid := 0
	for i, want := range ask[answer](t, questions) {
		var got answer
		if m, err := wheel.ParseMetadata([]byte(questions[i].A)); err == nil {
			valid++
			got = answer{
				OK: true, Body: m.Description,
				Strings: lineEach([]string{m.MetadataVersion, m.Name, m.RawVersion, m.Summary, m.License, m.LicenseExpression, m.RequiresPython, m.HomePage, m.Author}),
			}
			for _, list := range [][]string{m.LicenseFiles, m.RequiresDist, m.ProvidesExtra, m.Classifiers, m.Dynamic} {
				got.Lists = append(got.Lists, lineEach(list))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("metadata %q: packaging -, ours +\n%s", questions[i].A, diff)
		}
	}
	t.Logf("%d documents, %d of them valid", len(questions), valid)
}

func lineEach(values []string) []string {
	lines := []string{}
	for _, v := range values {
		lines = append(lines, strings.Join(strings.Fields(v), " "))
	}
	return lines
}
