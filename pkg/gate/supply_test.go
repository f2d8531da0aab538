package gate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSuppliesAreExact wants the rule libraries/version to fire exactly where
// an exhaustive search finds a set without the library.
func TestSuppliesAreExact(t *testing.T) {
	t.Parallel()
	fired, quiet := 0, 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 2))
		u := randomUniverse(r, false)
		consumer := len(u.versions) - 1
		has := 1 + r.IntN(1<<u.versions[0]-1) // versions of the first project, as bits
		entries := u.entries()
		for i := range entries {
			for v := 1; v <= u.versions[0]; v++ {
				if entries[i].name == fmt.Sprintf("p0-%d-py3-none-any.whl", v) && has&(1<<(v-1)) != 0 {
					entries[i] = entries[i].with(plain("p0/libx.so.1"))
				}
			}
			if entries[i].name == fmt.Sprintf("p%d-1-py3-none-any.whl", consumer) {
				entries[i] = entries[i].with(module("c/_c.so", "libx.so.1"))
			}
		}
		if !u.reaches(consumer, 0) {
			continue // a matter of other rules
		}
		report := row{target: target(), files: entries}.run(t)
		got := slices.Contains(lines(report), fmt.Sprintf("error libraries/version p%d 1", consumer))
		if want := u.without(consumer, uint(has)); got != want {
			t.Fatalf("seed %d: p%d can be installed without p0 %b: %t, the gate says %t\n%v", seed, consumer, has, want, got, u.entries())
		}
		if got {
			fired++
		} else {
			quiet++
		}
	}
	if fired < 20 || quiet < 20 {
		t.Errorf("fired %d times, not %d times: the test has lost its point", fired, quiet)
	}
}

// reaches reports whether version 1 of from, or what it needs in any version,
// needs a project.
func (u universe) reaches(from, to int) bool {
	type item struct {
		project int
		extra   bool
	}
	seen, queue := map[item]bool{}, []item{{from, false}}
	for ; len(queue) > 0; queue = queue[1:] {
		it := queue[0]
		if seen[it] {
			continue
		}
		seen[it] = true
		for v := 1; v <= u.versions[it.project] && (it.project != from || v == 1); v++ {
			needs := u.needs[[2]int{it.project, v}]
			if it.extra {
				needs = u.extras[[2]int{it.project, v}]
			}
			for _, w := range needs {
				queue = append(queue, item{w.project, false})
				if w.extra {
					queue = append(queue, item{w.project, true})
				}
			}
		}
	}
	return seen[item{to, false}]
}

// without tries every choice that has none of the given versions of the first
// project.
func (u universe) without(p int, has uint) bool {
	choice := make([]int, len(u.versions))
	var try func(i int) bool
	try = func(i int) bool {
		if i == len(choice) {
			return choice[p] == 1 && u.consistent(choice, p)
		}
		for v := 0; v <= u.versions[i]; v++ {
			if i == 0 && v > 0 && has&(1<<(v-1)) != 0 {
				continue
			}
			choice[i] = v
			if try(i + 1) {
				return true
			}
		}
		choice[i] = 0
		return false
	}
	return try(0)
}
