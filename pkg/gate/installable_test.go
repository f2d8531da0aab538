package gate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// universe is a small index that a test can search exhaustively.
type universe struct {
	versions []int // how many of each project: 1, 2, …
	kinds    map[[2]int]kind
	// needs of project p in version v: other projects with the versions that
	// will do, as bits, and whether the other's extra is asked for.
	needs  map[[2]int][]want
	extras map[[2]int][]want // of the extra x
}

// kind is what keeps installers from a version unless they have to take it.
type kind int

const (
	final kind = iota
	candidate
	yanked
)

type want struct {
	project  int
	versions uint
	extra    bool
	pin      bool // written as ==, of one version
}

// randomUniverse makes one; if mixed, with yanked versions and pre-releases.
func randomUniverse(r *rand.Rand, mixed bool) universe {
	u := universe{needs: map[[2]int][]want{}, extras: map[[2]int][]want{}, kinds: map[[2]int]kind{}}
	for p := range 3 + r.IntN(4) {
		u.versions = append(u.versions, 1+r.IntN(3))
		for v := 1; v <= u.versions[p] && mixed; v++ {
			u.kinds[[2]int{p, v}] = []kind{final, final, candidate, yanked}[r.IntN(4)]
		}
	}
	random := func(p int) []want {
		var list []want
		for range r.IntN(3) {
			other := r.IntN(len(u.versions))
			if other == p {
				continue
			}
			w := want{other, uint(1 + r.IntN(1<<u.versions[other]-1)), r.IntN(4) == 0, false}
			if v := 1 + r.IntN(u.versions[other]); mixed && r.IntN(2) == 0 && u.kinds[[2]int{other, v}] != candidate {
				w.versions, w.pin = 1<<(v-1), true // naming a pre-release would admit it to all
			}
			list = append(list, w)
		}
		return list
	}
	for p, n := range u.versions {
		for v := 1; v <= n; v++ {
			u.needs[[2]int{p, v}] = random(p)
			u.extras[[2]int{p, v}] = random(p)
		}
	}
	return u
}

// entries writes the universe as wheels.
func (u universe) entries() []entry {
	var list []entry
	for p, n := range u.versions {
		for v := 1; v <= n; v++ {
			var lines []string
			for _, w := range u.needs[[2]int{p, v}] {
				lines = append(lines, w.line(u, ""))
			}
			for _, w := range u.extras[[2]int{p, v}] {
				lines = append(lines, w.line(u, `; extra == "x"`))
			}
			slices.Sort(lines)
			e := pure(fmt.Sprintf("p%d-%s", p, u.text(p, v)), slices.Compact(lines)...).extras("x")
			e.yanked = u.kinds[[2]int{p, v}] == yanked
			list = append(list, e)
		}
	}
	return list
}

func (u universe) text(p, v int) string {
	if u.kinds[[2]int{p, v}] == candidate {
		return fmt.Sprintf("%drc1", v)
	}
	return fmt.Sprint(v)
}

func (w want) line(u universe, marker string) string {
	name := fmt.Sprintf("p%d", w.project)
	if w.extra {
		name += "[x]"
	}
	var without []string
	for v := 1; v <= u.versions[w.project]; v++ {
		if w.versions&(1<<(v-1)) == 0 {
			without = append(without, "!="+u.text(w.project, v))
		} else if w.pin {
			return name + "==" + u.text(w.project, v) + marker
		}
	}
	return name + strings.Join(without, ",") + marker
}

// installable tries every choice of versions.
func (u universe) installable(p, v int) bool {
	choice := make([]int, len(u.versions)) // 0 for not installed
	var try func(i int) bool
	try = func(i int) bool {
		if i == len(choice) {
			return choice[p] == v && u.consistent(choice, p)
		}
		for choice[i] = 0; choice[i] <= u.versions[i]; choice[i]++ {
			if try(i + 1) {
				return true
			}
		}
		choice[i] = 0
		return false
	}
	return try(0)
}

// consistent follows what root needs.
func (u universe) consistent(choice []int, root int) bool {
	type item struct {
		project int
		extra   bool
	}
	seen, queue := map[item]bool{}, []item{{root, false}}
	active := map[int][]want{} // by project
	for ; len(queue) > 0; queue = queue[1:] {
		it := queue[0]
		if seen[it] {
			continue
		}
		seen[it] = true
		key := [2]int{it.project, choice[it.project]}
		needs := u.needs[key]
		if it.extra {
			needs = u.extras[key]
		}
		for _, w := range needs {
			if v := choice[w.project]; v == 0 || w.versions&(1<<(v-1)) == 0 {
				return false
			}
			active[w.project] = append(active[w.project], w)
			queue = append(queue, item{w.project, false})
			if w.extra {
				queue = append(queue, item{w.project, true})
			}
		}
	}
	for p, wants := range active {
		if p != root && !u.taken(p, choice[p], wants) {
			return false
		}
	}
	return true
}

// taken reports whether installers take a version under all these wants: a
// yanked one if it is pinned, a pre-release if no other version will do.
func (u universe) taken(p, v int, wants []want) bool {
	excludes := func(v int) func(want) bool { return func(w want) bool { return w.versions&(1<<(v-1)) == 0 } }
	switch u.kinds[[2]int{p, v}] {
	case yanked:
		return slices.ContainsFunc(wants, func(w want) bool { return w.pin })
	case candidate:
		for other := 1; other <= u.versions[p]; other++ {
			if u.kinds[[2]int{p, other}] == final && !slices.ContainsFunc(wants, excludes(other)) {
				return false
			}
		}
	}
	return true
}

// TestInstallableIsExact compares the gate with an exhaustive search, and holds
// every conflict that it names to be one.
func TestInstallableIsExact(t *testing.T) {
	t.Parallel()
	for _, mixed := range []bool{false, true} {
		t.Run(fmt.Sprintf("with yanked versions and pre-releases: %t", mixed), func(t *testing.T) {
			t.Parallel()
			testInstallable(t, mixed)
		})
	}
}

func testInstallable(t *testing.T, mixed bool) {
	conflicts := 0
	for seed := range uint64(400) {
		u := randomUniverse(rand.New(rand.NewPCG(seed, 1)), mixed)
		report := row{target: target(), files: u.entries()}.run(t)
		refused := map[string]string{}
		for _, f := range report.Findings {
			if f.Gate == "installable" {
				for _, name := range append(f.Tried, f.Project+" "+f.Version) {
					if f.Rule == "none" || name == f.Project+" "+f.Version {
						refused[name] = f.Message // of the newest, if there is none
					}
				}
			}
		}
		for p, n := range u.versions {
			for v := 1; v <= n; v++ {
				if u.kinds[[2]int{p, v}] == yanked {
					continue // nobody asks for it
				}
				name := fmt.Sprintf("p%d %s", p, u.text(p, v))
				message, bad := refused[name]
				if want := u.installable(p, v); want == bad {
					t.Fatalf("seed %d: %s: installable is %t, the gate says %q\n%v", seed, name, want, message, u.entries())
				}
				if bad {
					conflicts++
					u.checkConflict(t, seed, message)
				}
			}
		}
	}
	if conflicts < 100 {
		t.Errorf("only %d conflicts in all universes: the test has lost its point", conflicts)
	}
}

// checkConflict wants each part of the message to be a need that is written in
// the wheels.
func (u universe) checkConflict(t *testing.T, seed uint64, message string) {
	t.Helper()
	_, conflict, _ := strings.Cut(message, ": ")
	for part := range strings.SplitSeq(conflict, "; ") {
		var who, versions, what string
		who, rest, _ := strings.Cut(part, " ")
		versions, what, ok := strings.Cut(rest, " need ")
		if !ok {
			versions, what, ok = strings.Cut(rest, " needs ")
		}
		what, _, _ = strings.Cut(what, " (")
		name, extra, _ := strings.Cut(who, "[")
		found := ok
		for v := range strings.SplitSeq(versions, ", ") {
			i := slices.IndexFunc(u.entries(), func(e entry) bool { return e.name == name+"-"+v+"-py3-none-any.whl" })
			line := what
			if extra != "" {
				line += `; extra == "x"`
			}
			found = found && i >= 0 && slices.Contains(u.entries()[i].facts.Requires, line)
		}
		if !found {
			t.Fatalf("seed %d: %q of %q is in no wheel", seed, part, message)
		}
	}
}

func TestConflictsInWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		files []entry
		want  string
	}{
		{"two needs", []entry{pure("a-1.0", "b<2", "c"), pure("b-1"), pure("b-2"), pure("c-3", "b>=2"), pure("d-1"), pure("e-1", "d")},
			"no version can be installed: a 1.0 needs b<2; a 1.0 needs c; c 3 needs b>=2"},
		{"several versions that need the same", []entry{pure("a-1", "b<2", "c"), pure("b-1"), pure("b-2"), pure("c-3", "b>=2"), pure("c-4", "b>=2")},
			"no version can be installed: a 1 needs b<2; a 1 needs c; c 4, 3 need b>=2"},
		{"nothing of the project", []entry{pure("a-1", "b>1", "c"), pure("c-1")}, "no version can be installed: a 1 needs b>1 (the index has none)"},
		{"no version that will do", []entry{pure("a-1", "b>1", "c"), pure("c-1"), pure("b-1"), pure("b-0.5")}, "no version can be installed: a 1 needs b>1 (the index has b 1, b 0.5)"},
		{"an extra", []entry{pure("a-1", "c[x]", "b"), pure("b-1"), pure("c-1", `b>1; extra == "x"`).extras("x")},
			`no version can be installed: a 1 needs c[x]; c[x] 1 needs b>1 (the index has b 1)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			report := row{target: target(), files: tt.files}.run(t)
			i := slices.IndexFunc(report.Findings, func(f gate.Finding) bool { return f.Gate == "installable" && f.Project == "a" })
			if i < 0 || report.Findings[i].Message != tt.want {
				t.Errorf("got %+v\nwant %s", report.Findings, tt.want)
			}
		})
	}
}

// TestUniverseRequirements holds the test's own requirements to what they mean.
func TestUniverseRequirements(t *testing.T) {
	t.Parallel()
	u := universe{versions: []int{1, 3}}
	r, err := wheel.ParseRequirement(want{1, 0b101, true, false}.line(u, ""))
	if err != nil {
		t.Fatal(err)
	}
	for v, in := range []bool{true, false, true} {
		version, err := wheel.ParseVersion(fmt.Sprint(v + 1))
		if err != nil || r.Specifiers.Contains(version, false) != in {
			t.Errorf("%s admits %d: want %t (%v)", r, v+1, in, err)
		}
	}
}
