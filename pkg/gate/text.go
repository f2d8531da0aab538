package gate

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// shownNotes is how many notes of one gate people are shown.
const shownNotes = 10

// Text writes the report for people at a terminal: the result and a line for
// each gate first, then the findings by gate. Of many notes the first are
// shown.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "gates: %s: %s serial %d%s\n", r.Result, r.Index, r.Serial, r.circumstances())
	for _, o := range r.Gates {
		fmt.Fprintf(&b, "  %-14s %s\n", o.Name, o.summary())
	}
	r.each(func(o Outcome, list []Finding, hidden int) {
		fmt.Fprintf(&b, "\n%s\n", o.Name)
		for _, f := range list {
			fmt.Fprintf(&b, "  %s %s: %s\n", f.label(), f.Rule, printable(f.subject()+f.Message))
			for _, line := range f.details() {
				fmt.Fprintf(&b, "      %s\n", printable(line))
			}
		}
		if hidden > 0 {
			fmt.Fprintf(&b, "  %d more: the JSON report has them\n", hidden)
		}
	})
	_, err := io.WriteString(w, b.String())
	return err
}

// Markdown writes the same as [Report.Text] for a review.
func (r *Report) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## Gates: %s\n\n`%s` serial %d%s\n\n| gate | outcome |\n|---|---|\n", r.Result, r.Index, r.Serial, escape(r.circumstances()))
	for _, o := range r.Gates {
		fmt.Fprintf(&b, "| %s | %s |\n", o.Name, escape(o.summary()))
	}
	r.each(func(o Outcome, list []Finding, hidden int) {
		fmt.Fprintf(&b, "\n### %s\n\n", o.Name)
		for _, f := range list {
			fmt.Fprintf(&b, "- **%s** `%s`: %s\n", f.label(), f.Rule, escape(f.subject()+f.Message))
			for _, line := range f.details() {
				fmt.Fprintf(&b, "  - %s\n", escape(line))
			}
		}
		if hidden > 0 {
			fmt.Fprintf(&b, "- %d more: the JSON report has them\n", hidden)
		}
	})
	_, err := io.WriteString(w, b.String())
	return err
}

// each visits the gates that found something.
func (r *Report) each(visit func(o Outcome, list []Finding, hidden int)) {
	for _, o := range r.Gates {
		var list []Finding
		notes, hidden := 0, o.Omitted
		for _, f := range r.Findings {
			if f.Gate != o.Name {
				continue
			}
			if f.Severity == Note {
				if notes++; notes > shownNotes {
					hidden++
					continue
				}
			}
			list = append(list, f)
		}
		if len(list) > 0 {
			visit(o, list, hidden)
		}
	}
}

func (r *Report) circumstances() string {
	var b strings.Builder
	if r.Live != "" {
		b.WriteString(", while " + r.Live.String() + " is live")
	}
	if r.Rollback {
		b.WriteString(", a rollback")
	}
	if r.Transition != "" {
		b.WriteString(", a transition: " + r.Transition)
	}
	return printable(b.String())
}

func (o Outcome) summary() string {
	switch o.Mode {
	case ModeOff:
		return "off"
	case ModeNotJudged:
		return "not judged: " + o.Reason
	}
	var parts []string
	for _, p := range []struct {
		n          int
		one, other string
	}{{o.Errors, "error", "errors"}, {o.Warnings, "warning", "warnings"}, {o.Waived, "waived", "waived"}, {o.Notes, "note", "notes"}} {
		switch {
		case p.n == 1:
			parts = append(parts, "1 "+p.one)
		case p.n > 1:
			parts = append(parts, strconv.Itoa(p.n)+" "+p.other)
		}
	}
	text := "pass"
	if len(parts) > 0 {
		text = strings.Join(parts, ", ")
	}
	if o.Mode == ModeWarn {
		text += " (only warns)"
	}
	return text
}

func (f *Finding) label() string {
	if f.Waived != nil {
		return "waived"
	}
	return f.Severity
}

func (f *Finding) subject() string {
	switch {
	case f.Filename != "" && f.Member != "":
		return f.Filename + ": " + f.Member + ": "
	case f.Filename != "":
		return f.Filename + ": "
	case f.Project != "":
		return strings.TrimSpace(f.Project+" "+f.Version) + ": "
	}
	return ""
}

func (f *Finding) details() []string {
	var lines []string
	if len(f.Symbols) > 0 && f.Gate != "libraries" {
		text := strings.Join(f.Symbols, ", ")
		if more := f.SymbolCount - len(f.Symbols); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		lines = append(lines, "symbols: "+text)
	}
	if len(f.Tried) > 0 {
		lines = append(lines, "tried: "+several(f.Tried))
	}
	if len(f.Environments) > 0 {
		names := make([]string, len(f.Environments))
		for i, e := range f.Environments {
			names[i] = e.String()
		}
		lines = append(lines, "in: "+several(names))
	}
	if f.Waived != nil {
		lines = append(lines, fmt.Sprintf("waived until %s: %s (%s)", f.Waived.Expires.Format("2006-01-02"), f.Waived.Reason, f.Waived.Ticket))
	}
	if f.Fix != "" {
		lines = append(lines, "fix: "+f.Fix)
	}
	return lines
}

// printable keeps text of wheels from steering a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// escape keeps text from being markup.
func escape(s string) string {
	var b strings.Builder
	for _, r := range printable(s) {
		if strings.ContainsRune("\\`*_{}[]<>#|~&", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
