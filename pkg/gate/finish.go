package gate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of the strings of a finding, in bytes: names in wheels can be as long
// as 64 KiB, and symbols of C++ are long as they are.
const (
	maxText  = 2000
	maxShort = 300
)

// maxListed bounds the findings of a report, in bytes, so that it stays below
// [MaxReport].
const maxListed = 8 << 20

// bound cuts what is too long.
func (f *Finding) bound() {
	for _, s := range []*string{&f.Message, &f.Fix} {
		*s = cut(*s, maxText)
	}
	for _, s := range []*string{&f.Filename, &f.Member, &f.Project, &f.Requirement, &f.Version} {
		*s = cut(*s, maxShort)
	}
	f.Symbols, f.Tried = slices.Clone(f.Symbols), slices.Clone(f.Tried)
	for _, list := range [][]string{f.Symbols, f.Tried} {
		for i := range list {
			list[i] = cut(list[i], maxShort)
		}
	}
}

func cut(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

// size is about what the finding takes in the report, in bytes.
func (f *Finding) size() int {
	n := 200 + len(f.key()) + len(f.Member) + 60*len(f.Environments)
	if f.Waived != nil {
		n += len(f.Waived.Reason) + len(f.Waived.Ticket)
	}
	return n
}

// mergeMembers makes one finding of those that differ in the member only: a
// wheel has many libraries of one kind.
func (j *judge) mergeMembers() {
	first := map[string]*Finding{}
	others := map[*Finding]int{}
	var list []*Finding
	for _, f := range j.findings {
		slices.SortFunc(f.Environments, compareEnvironments)
		key := f.key()
		for _, e := range f.Environments {
			key += "\x00" + e.String()
		}
		if known := first[key]; known != nil && f.Member != "" {
			known.Member = min(known.Member, f.Member)
			others[known]++
			continue
		}
		if f.Member != "" {
			first[key] = f
		}
		list = append(list, f)
	}
	for f, n := range others {
		f.Message += fmt.Sprintf(" (and %d more of its members)", n)
	}
	j.findings = list
}

// finish makes the report.
func (j *judge) finish() *Report {
	j.mergeMembers()
	j.waive()
	j.unusedWaivers()
	c := j.in.Candidate
	r := &Report{
		Findings: []Finding{}, Format: FormatVersion, Gates: j.outcomes, Index: c.Name().String(), Issued: j.in.Now,
		Live: j.in.LiveDigest, Result: Pass, Rollback: j.in.Rollback, Serial: c.Serial, Transition: j.in.Transition,
	}
	slices.SortStableFunc(j.findings, compareFindings)
	listed := j.listable()
	for _, f := range j.findings {
		o := &r.Gates[gateRank(f.Gate)]
		o.count(f)
		if !listed[f] {
			o.Omitted++
			continue
		}
		r.Findings = append(r.Findings, *f)
	}
	for _, o := range r.Gates {
		if o.Errors > 0 {
			r.Result = Fail
		}
	}
	return r
}

// listable chooses the findings for which there is room, errors first.
func (j *judge) listable() map[*Finding]bool {
	listed, kinds, total := map[*Finding]bool{}, map[string]int{}, 0
	for _, severity := range []string{Error, Warn, Note} {
		for _, f := range j.findings {
			if f.Severity != severity {
				continue
			}
			kind := f.Gate + f.Severity + strconv.FormatBool(f.Waived != nil)
			if kinds[kind]++; kinds[kind] > MaxFindings || total+f.size() > maxListed {
				continue
			}
			total += f.size()
			listed[f] = true
		}
	}
	return listed
}
