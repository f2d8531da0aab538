package gate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// target checks what the target file says about the gates themselves.
func (j *judge) target(context.Context) error {
	t := j.in.Candidate.Target
	if t == nil {
		return nil
	}
	if n := len(t.Platforms) * len(t.Pythons); n > MaxEnvironments {
		j.add(Finding{Severity: Error, Rule: "environments", Message: fmt.Sprintf("the target stands for %d environments, only %d are judged", n, MaxEnvironments),
			Fix: "declare fewer Pythons or platforms, or split the index"})
	}
	for _, name := range slices.Sorted(maps.Keys(t.Gates)) {
		switch {
		case gateRank(name) < 0:
			j.add(Finding{Severity: Error, Rule: "unknown-gate", Message: fmt.Sprintf("the target sets a gate %q, which does not exist", name),
				Fix: "the gates are " + strings.Join(Names(), ", ")})
		case j.isFixed(name) && t.Gates[name] != ModeError:
			j.add(Finding{Severity: Error, Rule: "fixed-gate", Message: fmt.Sprintf("the target sets gate %s to %q, which is not possible", name, t.Gates[name]),
				Fix: "remove it from the gates of the target"})
		}
	}
	for _, w := range j.waivers {
		switch {
		case gateRank(w.Gate) < 0:
			j.add(Finding{Severity: Error, Rule: "waiver-gate", Project: w.Project, Message: fmt.Sprintf("waiver %s is for a gate %q, which does not exist", w.Ticket, w.Gate),
				Fix: "the gates are " + strings.Join(Names(), ", ")})
		case j.isFixed(w.Gate):
			j.add(Finding{Severity: Error, Rule: "fixed-gate", Project: w.Project, Message: fmt.Sprintf("waiver %s is for gate %s, of which nothing can be waived", w.Ticket, w.Gate),
				Fix: "remove the waiver from the target"})
		case w.expired:
			f := Finding{Severity: Warn, Rule: "waiver-expired", Project: w.Project, Fix: "remove the waiver, or renew it",
				Message: fmt.Sprintf("the waiver for gate %s (%s) expired on %s", w.Gate, w.Ticket, w.Expires.UTC().Format("2006-01-02"))}
			if w.counts {
				f.Message += ", and still counts in this rollback: the contents were live with it"
				f.Fix = "mend what it lets pass before the next revision, or renew it"
			}
			j.add(f)
		}
	}
	return nil
}

// unusedWaivers reports, when everything is judged, what let nothing pass.
func (j *judge) unusedWaivers() {
	j.current = &Outcome{Name: "target", Mode: ModeError}
	for _, w := range j.waivers {
		if !w.used && !w.expired && gateRank(w.Gate) >= 0 && !j.isFixed(w.Gate) {
			j.add(Finding{Severity: Note, Rule: "waiver-unused", Project: w.Project,
				Message: fmt.Sprintf("the waiver for gate %s (%s) lets nothing pass", w.Gate, w.Ticket), Fix: "remove the waiver"})
		}
	}
}
