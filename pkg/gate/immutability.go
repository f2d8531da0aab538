package gate

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// immutability holds the candidate against what the index was before: a file
// name stands for the same bytes forever, and what wheels of a live series were
// built for does not change silently.
func (j *judge) immutability(context.Context) error {
	var fresh []*file
	for _, f := range j.now.files {
		switch before := j.stoodFor(f.Filename); {
		case before == "":
			fresh = append(fresh, f)
		case before != f.SHA256:
			j.addFile(f, Finding{Severity: Error, Rule: "name",
				Message: fmt.Sprintf("the name stood for other bytes before: sha256 %s, now %s", before, f.SHA256),
				Fix:     "publish the wheel with a higher build tag or version"})
		}
	}
	j.respelled(fresh)
	if j.in.Live == nil {
		return nil
	}
	before, after := j.in.Live.Target, j.in.Candidate.Target
	if before == nil {
		return nil
	}
	if after == nil {
		j.change("target", "the live revision declares a target, this one does not", "give --target, with the target file of the index; a new series may do without")
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(before.Pins)) {
		if now := after.Pins[name]; now != before.Pins[name] {
			j.change("pins", fmt.Sprintf("the ABI pin of %s changes from %q to %q", name, before.Pins[name], now), redeclare)
		}
	}
	if a, b := accelerator(before), accelerator(after); a != b {
		j.change("accelerator", fmt.Sprintf("the accelerator changes from %s to %s", a, b), redeclare)
	}
	j.removed("pythons", "Python", before.Pythons, after.Pythons)
	j.removed("platforms", "platform", before.Platforms, after.Platforms)
	j.raised("glibc", "glibc", before.Glibc, after.Glibc)
	j.raised("glibcxx", "the level of libstdc++", before.Glibcxx, after.Glibcxx)
	return nil
}

// redeclare is what to do where the ABI changes on purpose.
const redeclare = "start a new series, or declare the transition with its reason"

// change reports that the ABI of a live series changes: an error unless it is
// declared, and a note when it goes back to what users had.
func (j *judge) change(rule, message, fix string) {
	f := Finding{Severity: Error, Rule: rule, Message: message, Fix: fix}
	j.across(&f)
	j.add(f)
}

// across lowers the severity of a finding on the candidate and the live
// revision together, as the design has it for rollbacks and transitions.
func (j *judge) across(f *Finding) {
	switch {
	case f.Severity != Error:
	case j.in.Rollback:
		f.Severity, f.Fix = Note, ""
	case j.in.Transition != "":
		f.Severity, f.Fix = Warn, ""
		f.Message += "; declared: " + j.in.Transition
	}
}

func accelerator(t *index.Target) string {
	switch {
	case t.Accelerator == nil:
		return "none"
	case t.Accelerator.Version == "":
		return t.Accelerator.Kind
	}
	return t.Accelerator.Kind + " " + t.Accelerator.Version
}

func (j *judge) removed(rule, what string, before, after []string) {
	for _, s := range before {
		if !slices.Contains(after, s) {
			j.change(rule, fmt.Sprintf("%s %s is no longer supported", what, s), redeclare)
		}
	}
}

func (j *judge) raised(rule, what, before, after string) {
	if before != "" && facts.CompareNumbers(after, before) > 0 {
		j.change(rule, fmt.Sprintf("%s rises from %s to %s, which live systems may not have", what, before, after), redeclare)
	}
}
