package gate

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// shownBrief is how many findings stand below the line of a report in brief.
const shownBrief = 20

// Brief writes the report for who sees it beside something else: one line with the
// result and what was not judged, then what a reviewer still has to know of a
// revision that passed: the declared transition, warnings, and what is waived.
func (r *Report) Brief(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "gates    %s\n", r.line())
	if r.Transition != "" {
		fmt.Fprintf(&b, "  transition: %s\n", printable(r.Transition))
	}
	n := 0
	for _, f := range r.Findings {
		if f.Severity == Note {
			continue
		}
		if n++; n <= shownBrief {
			fmt.Fprintf(&b, "  %-6s %s/%s: %s\n", f.label(), f.Gate, f.Rule, printable(f.subject()+f.Message))
		}
	}
	if n > shownBrief {
		fmt.Fprintf(&b, "  %d more: the whole report has them\n", n-shownBrief)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// line sums the report up, and says what was not judged.
func (r *Report) line() string {
	var sum Outcome
	apart := map[string][]string{}
	for _, o := range r.Gates {
		sum.Errors, sum.Warnings, sum.Waived = sum.Errors+o.Errors, sum.Warnings+o.Warnings, sum.Waived+o.Waived
		switch o.Mode {
		case ModeOff:
			apart["off"] = append(apart["off"], o.Name)
		case ModeWarn:
			apart["only warning"] = append(apart["only warning"], o.Name)
		case ModeNotJudged:
			if o.Name == "rules" {
				continue // nobody misses what was never configured
			}
			what := "not judged, " + o.Reason
			apart[what] = append(apart[what], o.Name)
		}
	}
	line := fmt.Sprintf("%s: %s, %s, %d waived", r.Result, count(sum.Errors, "error"), count(sum.Warnings, "warning"), sum.Waived)
	for _, what := range slices.Sorted(maps.Keys(apart)) {
		line += fmt.Sprintf("; %s: %s", what, strings.Join(apart[what], ", "))
	}
	return line
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
