package difftest_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

type filenameAnswer struct {
	OK         bool
	Name, Norm string
	Build      [2]string
	Tags       []string
}

func TestWheelFilenames(t *testing.T) {
	t.Parallel()
	s := newSource(7)
	texts := repeat(lines(t, "wheels.txt"), 800, s.wheelName)
	texts = repeat(texts, 1500, func() string { return s.mutate(texts[:len(texts):len(texts)]) })
	checkFilenames(t, "wheel", texts, wheel.ParseFilename)
}

func TestSdistFilenames(t *testing.T) {
	t.Parallel()
	s := newSource(8)
	texts := repeat(lines(t, "sdists.txt"), 500, s.sdistName)
	texts = repeat(texts, 1000, func() string { return s.mutate(texts[:len(texts):len(texts)]) })
	checkFilenames(t, "sdist", texts, wheel.ParseSdistFilename)
}

func checkFilenames(t *testing.T, op string, texts []string, parse func(string) (wheel.Filename, error)) {
	t.Helper()
	var questions []question
	for _, text := range texts {
		questions = append(questions, question{Op: op, A: text})
	}
	valid := 0
	for i, want := range ask[filenameAnswer](t, questions) {
		var got filenameAnswer
		if f, err := parse(questions[i].A); err == nil {
			valid++
			got = filenameAnswer{OK: true, Name: f.Project, Norm: f.Version.String(), Build: [2]string{f.Build.Number, f.Build.Suffix}, Tags: sorted(f.Tags)}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("file name %q: packaging -, ours +\n%s", questions[i].A, diff)
		}
	}
	t.Logf("%d file names, %d of them valid", len(questions), valid)
}

func sorted(tags []wheel.Tag) []string {
	var texts []string
	for _, tag := range tags {
		texts = append(texts, tag.String())
	}
	slices.Sort(texts)
	return texts
}

func TestTags(t *testing.T) {
	t.Parallel()
	s := newSource(9)
	texts := []string{
		"py3-none-any", "cp311.cp312-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64", "py3", "py3-none", "py3-none-any-x",
		"", "--", "py3--any", "py3-none-", "-none-any", "PY3-NONE-ANY", "3py-none-any", "py3.py3-none-any", "p y-none-any", "p\u00e9-none-any",
	}
	texts = repeat(texts, 400, func() string { return s.mutate(texts[:len(texts):len(texts)]) })
	var questions []question
	for _, text := range texts {
		questions = append(questions, question{Op: "tags", A: text})
	}
	for i, want := range ask[filenameAnswer](t, questions) {
		var got filenameAnswer
		if tags, err := wheel.ParseTags(questions[i].A); err == nil {
			got = filenameAnswer{OK: true, Tags: sorted(tags)}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tags %q: packaging -, ours +\n%s", questions[i].A, diff)
		}
	}
	t.Logf("%d tag sets", len(questions))
}

func TestNames(t *testing.T) {
	t.Parallel()
	s := newSource(10)
	texts := lines(t, "names.txt")
	texts = repeat(texts, 600, func() string { return s.mutate(texts[:len(texts):len(texts)]) })
	var questions []question
	for _, text := range texts {
		questions = append(questions, question{Op: "name", A: text})
	}
	type answer struct {
		OK   bool
		Norm string
		Pre  bool // valid
	}
	for i, want := range ask[answer](t, questions) {
		text := questions[i].A
		got := answer{OK: true, Norm: wheel.NormalizeName(text), Pre: wheel.CheckName(text) == nil}
		if got != want {
			t.Errorf("name %q: packaging %+v, ours %+v", text, want, got)
		}
	}
	t.Logf("%d names", len(questions))
}
