package wheel

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error says why a distribution was refused. Errors of the reader itself
// (disk, network) are never wrapped in it, so a caller can tell a bad wheel
// from a bad disk.
type Error struct {
	File   string // file name as given, may be empty where none is known
	Member string // member of the archive, empty if it is about the file as a whole
	Rule   Rule
	Reason string // one line, lower case, without the names above
}

// Warning is something odd in a distribution that is accepted all the same.
type Warning struct {
	Member string // empty if it is about the file as a whole
	Rule   Rule
	Reason string // one line, lower case
}

// Error is "file: member: reason" on one line, names that hold control
// characters or quotes being quoted.
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	for _, p := range []string{printable(e.File), printable(e.Member), e.Reason} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ": ")
}

// Refusals lists every reason for which err refuses a distribution, in the
// order in which they were found; none if err is about something else.
func Refusals(err error) []*Error {
	var all *refusals
	if errors.As(err, &all) {
		return slices.Clone(all.list)
	}
	var one *Error
	if errors.As(err, &one) {
		return []*Error{one}
	}
	return nil
}

// maxFindings bounds how many refusals and how many warnings are kept of one
// file. A last one says how many there are beyond.
const maxFindings = 100

// refusals are several reasons to refuse one file. [errors.As] finds the first.
type refusals struct{ list []*Error }

func (r *refusals) Error() string {
	if n := len(r.list) - 1; n > 0 {
		return fmt.Sprintf("%v (and %d more)", r.list[0], n)
	}
	return r.list[0].Error()
}

func (r *refusals) Unwrap() error { return r.list[0] }

// report collects what is found in one file.
type report struct {
	refused  []*Error
	warnings []Warning
	beyond   int // refusals not kept
	unwarned int // warnings not kept
}

func (r *report) refuse(rule Rule, member, format string, args ...any) {
	if len(r.refused) == maxFindings {
		r.beyond++ // a hostile file gives millions of reasons
		return
	}
	r.add(&Error{Rule: rule, Member: member, Reason: fmt.Sprintf(format, args...)})
}

func (r *report) add(e *Error) {
	e.Reason = oneLine(e.Reason)
	if len(r.refused) == maxFindings {
		r.beyond++
		return
	}
	r.refused = append(r.refused, e)
}

func (r *report) warn(rule Rule, member, format string, args ...any) {
	if len(r.warnings) == maxFindings {
		r.unwarned++
		return
	}
	r.warnings = append(r.warnings, Warning{Rule: rule, Member: member, Reason: oneLine(fmt.Sprintf(format, args...))})
}

// take adds err to the report if it is about the file; any other error is
// given back.
func (r *report) take(err error) error {
	var e *Error
	if errors.As(err, &e) {
		r.add(e)
		return nil
	}
	return err
}

// sort orders findings that workers made at the same time.
func (r *report) sort() {
	slices.SortStableFunc(r.refused, func(a, b *Error) int {
		return cmp.Or(strings.Compare(a.Member, b.Member), strings.Compare(string(a.Rule), string(b.Rule)), strings.Compare(a.Reason, b.Reason))
	})
	slices.SortStableFunc(r.warnings, func(a, b Warning) int {
		return cmp.Or(strings.Compare(a.Member, b.Member), strings.Compare(string(a.Rule), string(b.Rule)), strings.Compare(a.Reason, b.Reason))
	})
}

// err is what was refused, nil if nothing was.
func (r *report) err() error {
	if len(r.refused) == 0 {
		return nil
	}
	list := r.refused
	if r.beyond > 0 {
		last := *list[len(list)-1]
		last.Member, last.Reason = "", fmt.Sprintf("and %d refusals more", r.beyond+1)
		list = append(slices.Clone(list[:len(list)-1]), &last)
	}
	return &refusals{list}
}

// remarks are the warnings.
func (r *report) remarks() []Warning {
	if r.unwarned == 0 {
		return r.warnings
	}
	last := r.warnings[len(r.warnings)-1]
	last.Member, last.Reason = "", fmt.Sprintf("and %d warnings more", r.unwarned+1)
	return append(slices.Clone(r.warnings[:len(r.warnings)-1]), last)
}

// printable quotes names that would otherwise spoil a log or a terminal.
func printable(s string) string {
	if quoted := strconv.Quote(s); quoted[1:len(quoted)-1] != s {
		return quoted
	}
	return s
}

// shown is a name that is made printable if it is printed at all.
type shown string

func (s shown) String() string { return printable(string(s)) }

// oneLine writes what is not printable as Go escapes, since reasons quote
// what files say.
func oneLine(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
		} else {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}
