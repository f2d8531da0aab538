package gate

import (
	"context"
	_ "embed" // the table of the stable ABI
	"fmt"
	"strconv"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
)

//go:embed stableabi.txt
var stableABITable string

// stableABI gives the minor version of Python 3 that added each symbol of the
// stable ABI.
func stableABI() map[string]int {
	table := map[string]int{}
	for line := range strings.Lines(stableABITable) {
		name, version, ok := strings.Cut(strings.TrimSpace(line), " ")
		if minor, err := strconv.Atoi(strings.TrimPrefix(version, "3.")); ok && err == nil && name != "#" {
			table[name] = minor
		}
	}
	return table
}

// abi3 holds modules of the stable ABI to it (PEP 384, 652): what they import
// of Python must be in every Python that they are for. In a wheel whose tags
// are for several Pythons that is every module, whatever its name.
func (j *judge) abi3(context.Context) error {
	table := stableABI()
	for _, f := range j.now.files {
		if f.facts == nil || !f.counts() {
			continue
		}
		shared := f.fits
		for env := range j.now.environments {
			if j.now.exact(f, env) {
				shared &^= 1 << env
			}
		}
		for i := range f.facts.Libraries {
			l := &f.facts.Libraries[i]
			where := shared
			if l.Stable {
				where = f.fits
			}
			if len(l.Python) > 0 && (l.Stable || where != 0) {
				j.stable(f, l, table, where)
			}
		}
	}
	return nil
}

// stable judges a module in the given environments.
func (j *judge) stable(f *file, l *facts.Library, table map[string]int, where mask) {
	floor := abi3Floor(f)
	var private, tooNew, beyondTag []string
	pythons := map[string]bool{}
	var without mask // environments that lack a symbol
	for _, symbol := range l.Python {
		added, ok := table[symbol]
		switch {
		case !ok:
			private = append(private, symbol)
			continue
		case floor > 0 && added > floor:
			beyondTag = append(beyondTag, fmt.Sprintf("%s (3.%d)", symbol, added))
		}
		missing := false
		for env, e := range j.now.environments {
			if where.has(env) && added > e.minor {
				without |= 1 << env
				missing = true
			}
		}
		if missing {
			tooNew = append(tooNew, fmt.Sprintf("%s (3.%d)", symbol, added))
		}
	}
	for env, e := range j.now.environments {
		if where.has(env) {
			pythons[e.Python] = true
		}
	}
	j.stableFindings(f, l, private, where, len(pythons) > 1)
	switch {
	case len(tooNew) > 0:
		j.addFile(f, Finding{Severity: Error, Rule: "too-new", Member: l.Member, Symbols: tooNew,
			Message: "imports what an older Python of the target does not have",
			Fix:     "build it for an older stable ABI, with Py_LIMITED_API set to that version"}, j.now.named(without)...)
	case len(beyondTag) > 0:
		j.addFile(f, Finding{Severity: Warn, Rule: "tag", Member: l.Member, Symbols: beyondTag,
			Message: fmt.Sprintf("imports what Python 3.%d, which its tag names, does not have; every Python of the target has it", floor),
			Fix:     "tag the wheel with the Python that it needs"})
	}
}

// stableFindings reports symbols outside of the stable ABI. With one Python in
// the target they are known to be there or not; with several, luck decides.
func (j *judge) stableFindings(f *file, l *facts.Library, private []string, where mask, several bool) {
	if len(private) == 0 {
		return
	}
	finding := Finding{Severity: Warn, Rule: "private", Member: l.Member, Symbols: private,
		Message: "imports what is not in the stable ABI, and may fail on another Python",
		Fix:     "build it for each Python, or without these symbols"}
	if several {
		finding.Severity = Error
		finding.Message = "imports what is not in the stable ABI, while the target has several Pythons"
	}
	j.addFile(f, finding, j.now.named(where)...)
}

// abi3Floor is the N of the lowest cp3N that the file is tagged for with the
// stable ABI, 0 if it has no such tag.
func abi3Floor(f *file) int {
	floor := 0
	for _, tag := range f.name.Tags {
		if n := minorOf(tag.Python); strings.HasPrefix(tag.ABI, "abi3") && (floor == 0 || n < floor) {
			floor = n
		}
	}
	return floor
}
