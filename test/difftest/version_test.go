package difftest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

func versionTexts(t *testing.T, seed uint64, valid, mutated int) []string {
	s := newSource(seed)
	texts := repeat(lines(t, "versions.txt"), valid, s.version)
	return repeat(texts, mutated, func() string { return s.mutate(texts[:len(texts):len(texts)]) })
}

type versionAnswer struct {
	OK                                bool
	Norm, Key, Public, Local, Release string
	Pre, Post, Dev                    bool
}

func TestVersions(t *testing.T) {
	t.Parallel()
	var questions []question
	for _, text := range versionTexts(t, 1, 2000, 2000) {
		questions = append(questions, question{Op: "version", A: text})
	}
	valid := 0
	for i, want := range ask[versionAnswer](t, questions) {
		var got versionAnswer
		if v, err := wheel.ParseVersion(questions[i].A); err == nil {
			valid++
			got = versionAnswer{
				OK: true, Norm: v.String(), Key: v.Key(), Public: v.Public().String(), Local: v.Local(), Release: v.Release(),
				Pre: v.IsPrerelease(), Post: v.IsPostrelease(), Dev: v.IsDevrelease(),
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("version %q: packaging -, ours +\n%s", questions[i].A, diff)
		}
	}
	t.Logf("%d versions, %d of them valid", len(questions), valid)
}

func TestVersionOrder(t *testing.T) {
	t.Parallel()
	var versions []string
	for _, text := range versionTexts(t, 2, 600, 0) {
		if _, err := wheel.ParseVersion(text); err == nil {
			versions = append(versions, text)
		}
	}
	s := newSource(3)
	questions := make([]question, 0, 6000)
	for range cap(questions) {
		questions = append(questions, question{Op: "compare", A: s.pick(versions...), B: s.pick(versions...)})
	}
	// Neighbours in our order are the pairs that are easiest to get wrong.
	slices.SortFunc(versions, func(a, b string) int { return mustVersion(t, a).Compare(mustVersion(t, b)) })
	for i := 1; i < len(versions); i++ {
		questions = append(questions, question{Op: "compare", A: versions[i-1], B: versions[i]})
	}
	type answer struct {
		OK   bool
		Norm int
		Key  bool
	}
	for i, want := range ask[answer](t, questions) {
		a, b := mustVersion(t, questions[i].A), mustVersion(t, questions[i].B)
		got := answer{OK: true, Norm: a.Compare(b), Key: a.Key() == b.Key()}
		if got != want {
			t.Errorf("compare %q, %q: packaging %+v, ours %+v", questions[i].A, questions[i].B, want, got)
		}
		if b.Compare(a) != -got.Norm {
			t.Errorf("compare %q, %q is not the opposite of the other way round", questions[i].A, questions[i].B)
		}
	}
	t.Logf("%d pairs", len(questions))
}

func mustVersion(t *testing.T, s string) wheel.Version {
	t.Helper()
	v, err := wheel.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type specifierAnswer struct {
	OK       bool
	Norm     string
	Pre      bool
	Contains [][3]bool
	Filter   []string
}

func TestSpecifiers(t *testing.T) {
	t.Parallel()
	s := newSource(4)
	texts := repeat(lines(t, "specifiers.txt"), 2000, s.specifier)
	texts = repeat(texts, 1500, func() string { return s.mutate(texts[:len(texts):len(texts)]) })
	var real []string
	for _, text := range lines(t, "versions.txt") {
		if _, err := wheel.ParseVersion(text); err == nil {
			real = append(real, text)
		}
	}
	var questions []question
	for _, text := range texts {
		versions := repeat(nil, 8, func() string { return s.pick(s.version(), s.pick(real...)) })
		questions = append(questions, question{Op: "specifier", A: text, Versions: append(versions, near(text)...)})
	}
	checks := 0
	for i, want := range ask[specifierAnswer](t, questions) {
		got := ourSpecifier(t, questions[i])
		checks += 3 * len(got.Contains)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("specifier %q, versions %q: packaging -, ours +\n%s", questions[i].A, questions[i].Versions, diff)
		}
	}
	t.Logf("%d specifiers, %d containment checks", len(questions), checks)
}

// near gives versions around the one that the first clause names, since random
// ones seldom meet it.
func near(specifier string) []string {
	first, _, _ := strings.Cut(specifier, ",")
	for i, c := range first {
		if c < '0' || c > '9' {
			continue
		}
		base := strings.TrimSuffix(first[i:], ".*")
		var list []string
		for _, suffix := range []string{"", ".0", ".1", "+cpu", "+1", ".dev0", "a1", "rc1", ".post0", ".post1", ".post1.dev1", ".post1+cpu", ".dev1+cpu"} {
			if _, err := wheel.ParseVersion(base + suffix); err == nil {
				list = append(list, base+suffix)
			}
		}
		return list
	}
	return nil
}

func ourSpecifier(t *testing.T, q question) (got specifierAnswer) {
	t.Helper()
	set, err := wheel.ParseSpecifiers(q.A)
	if err != nil {
		return got
	}
	got = specifierAnswer{OK: true, Norm: set.String(), Pre: set.NamesPrerelease(), Filter: []string{}, Contains: [][3]bool{}}
	var versions []wheel.Version
	for _, text := range q.Versions {
		v := mustVersion(t, text)
		versions = append(versions, v)
		got.Contains = append(got.Contains, [3]bool{set.Contains(v, true), set.Contains(v, false), set.ContainsDefault(v)})
	}
	for _, v := range set.Filter(versions) {
		got.Filter = append(got.Filter, v.String())
	}
	return got
}
