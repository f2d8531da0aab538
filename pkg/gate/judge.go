package gate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// maxSymbols is how many symbols a finding names.
const maxSymbols = 5

// judge collects what the gates find in one run.
type judge struct {
	in        Input
	now       *world // the candidate
	live      *world // nil without one
	exports   map[string]*exportTable
	lacking   map[missingKey][]string
	listed    map[string]bool   // by SHA-256
	before    map[string]string // SHA-256 by file name, of the live revision
	waivers   []*waiver
	current   *Outcome
	conflicts int
	outcomes  []Outcome
	findings  []*Finding
	merged    map[string]*Finding
}

// waiver is a waiver of the target with what became of it.
type waiver struct {
	*index.Waiver
	versions wheel.Specifiers
	expired  bool
	// counts is whether it lets findings pass: until it expires, and in a
	// rollback for ever, because the contents were live with it.
	counts bool
	used   bool
}

func newJudge(in Input) *judge {
	if in.Facts == nil {
		in.Facts = func(string) *facts.Wheel { return nil }
	}
	in.Now = in.Now.UTC().Truncate(time.Second)
	parsed := newScope(in.Candidate.Target)
	j := &judge{in: in, exports: map[string]*exportTable{}, lacking: map[missingKey][]string{}, merged: map[string]*Finding{}}
	j.now = newWorld(in.Candidate, parsed, in.Facts)
	j.now.excused = func(f *file) bool {
		finding := &Finding{Gate: "closure", Project: f.project.name, Version: f.Version}
		return slices.ContainsFunc(j.waivers, func(w *waiver) bool { return w.counts && w.matches(finding) })
	}
	if in.Live != nil {
		j.live = newWorld(in.Live, parsed, in.Facts)
		j.live.excused = func(*file) bool { return true } // it was judged when it became live
	}
	if t := in.Candidate.Target; t != nil {
		for i := range t.Waivers {
			w := &waiver{Waiver: &t.Waivers[i]}
			w.expired = !in.Now.Before(w.Expires)
			w.counts = !w.expired || in.Rollback
			var err error
			if w.versions, err = wheel.ParseSpecifiers(w.Versions); err == nil {
				j.waivers = append(j.waivers, w)
			}
		}
	}
	return j
}

// add records a finding of the current gate. Findings that differ in their
// environment only are one finding.
func (j *judge) add(f Finding, environments ...Environment) {
	f.Gate = j.current.Name
	if f.Severity == Error && j.current.Mode == ModeWarn {
		f.Severity = Warn
	}
	if f.SymbolCount = len(f.Symbols); f.SymbolCount > maxSymbols {
		f.Symbols = f.Symbols[:maxSymbols]
	}
	f.bound()
	key := f.Member + "\x00" + f.key()
	known := j.merged[key]
	if known == nil {
		known = &f
		j.merged[key] = known
		j.findings = append(j.findings, known)
	}
	for _, e := range environments {
		if !slices.Contains(known.Environments, e) {
			known.Environments = append(known.Environments, e)
		}
	}
}

// key tells findings apart that are about one member in one environment.
func (f *Finding) key() string {
	return strings.Join([]string{
		f.Gate, f.Severity, f.Rule, f.Project, f.Version, f.Filename, f.Requirement, f.Message, f.Fix,
		strings.Join(f.Tried, ","), strings.Join(f.Symbols, ","), strconv.Itoa(f.SymbolCount),
	}, "\x00")
}

// addFile is add for a finding on one file.
func (j *judge) addFile(f *file, finding Finding, environments ...Environment) {
	finding.Filename, finding.Project, finding.Version = f.Filename, f.project.name, f.Version
	j.add(finding, environments...)
}

// missingFacts reports the wheels that a gate cannot judge.
func (j *judge) missingFacts() {
	for _, f := range j.now.files {
		if f.facts == nil && f.PackageType == index.Wheel {
			j.addFile(f, Finding{Severity: Error, Rule: "facts-missing", Message: "nothing is known of what is in this wheel",
				Fix: "publish the wheel again, so that its facts are read"})
		}
	}
}

// waive marks what waivers let pass.
func (j *judge) waive() {
	for _, f := range j.findings {
		if f.Severity == Note || f.Project == "" || j.isFixed(f.Gate) {
			continue
		}
		for _, w := range j.waivers {
			if w.counts && w.matches(f) {
				w.used = true
				f.Waived = &Waived{Expires: w.Expires, Reason: w.Reason, Ticket: w.Ticket}
				break
			}
		}
	}
}

func (j *judge) isFixed(name string) bool {
	i := gateRank(name)
	return i < 0 || gates[i].fixed
}

// matches reports whether the waiver is for f. A waiver of some versions does
// not match what is about no version.
func (w *waiver) matches(f *Finding) bool {
	if w.Gate != f.Gate || w.Project != f.Project {
		return false
	}
	if w.versions.IsZero() {
		return true
	}
	v, err := wheel.ParseVersion(f.Version)
	return err == nil && w.versions.Contains(v, true)
}

// several lists names, the first few of many.
func several(names []string) string {
	const shown = 6
	if len(names) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}
