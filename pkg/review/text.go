package review

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// signs are how a change begins in text.
var signs = map[string]string{"added": "+", "removed": "-", "changed": "~"}

// section is one part of a review as lines.
type section struct {
	title string
	lines []string
}

func (r *Review) sections() []section {
	list := []section{
		{"Projects", lines(r.Projects, Project.line)},
		{"Dependencies", slices.Concat(lines(r.Dependencies, Dependency.lines)...)},
		{"ABI", lines(r.ABI, ABI.line)},
		{"Target", lines(r.TargetValues, Value.line)},
	}
	if len(r.Unknown) > 0 {
		list[2].lines = append(list[2].lines, "? no facts, not compared: "+strings.Join(r.Unknown, ", "))
	}
	var files []string
	for _, f := range r.Files {
		line := signs[f.Change] + " " + f.Filename
		if f.Detail != "" {
			line += ": " + f.Detail
		}
		files = append(files, line)
	}
	return append(list, section{"Files", files})
}

func lines[T, L any](list []T, line func(T) L) []L {
	var out []L
	for _, x := range list {
		out = append(out, line(x))
	}
	return out
}

// line is such as "~ numpy 2.1.0 → 2.2.6, adds 2.2.6".
func (p Project) line() string {
	line := signs[p.Change] + " " + p.Project
	switch {
	case p.Change == "added":
		line += " " + strings.Join(p.Added, ", ")
	case p.Change == "removed":
		line += " " + strings.Join(p.Removed, ", ")
	case p.From != p.To:
		line += " " + p.From + " → " + p.To
	default:
		line += " " + p.To
	}
	if p.Change == "changed" {
		if len(p.Added) > 0 {
			line += ", adds " + strings.Join(p.Added, ", ")
		}
		if len(p.Removed) > 0 {
			line += ", drops " + strings.Join(p.Removed, ", ")
		}
	}
	if p.Status != "" {
		line += ", status " + p.Status
	}
	return line
}

// lines are one for each requirement; one that changed is shown once.
func (d Dependency) lines() []string {
	var list []string
	removed := map[string][]string{}
	for _, r := range d.Removed {
		removed[projectOf(r)] = append(removed[projectOf(r)], r)
	}
	for _, r := range d.Added {
		if old := removed[projectOf(r)]; len(old) > 0 {
			list = append(list, fmt.Sprintf("~ %s %s: %s → %s", d.Project, d.To, old[0], r))
			removed[projectOf(r)] = old[1:]
			continue
		}
		list = append(list, fmt.Sprintf("+ %s %s: %s", d.Project, d.To, r))
	}
	for _, r := range d.Removed {
		if old := removed[projectOf(r)]; slices.Contains(old, r) {
			list = append(list, fmt.Sprintf("- %s %s: %s", d.Project, d.From, r))
		}
	}
	if d.Extras > 0 {
		list = append(list, fmt.Sprintf("~ %s %s: requirements of extras (%d)", d.Project, d.To, d.Extras))
	}
	return list
}

// projectOf is the project that a requirement is on, or the text if it is none.
func projectOf(requirement string) string {
	r, err := wheel.ParseRequirement(requirement)
	if err != nil {
		return requirement
	}
	return r.Project()
}

// line is such as "~ pandas: numpy C API 1.20 → 1.25".
func (a ABI) line() string {
	return fmt.Sprintf("~ %s: %s %s → %s", a.Project, a.Trait, orNone(a.From), orNone(a.To))
}

func (v Value) line() string {
	return fmt.Sprintf("~ %s: %s → %s", v.Member, orNone(shorten(v.From)), orNone(shorten(v.To)))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// maxValue is how much of a target's member is shown: a base lists hundreds
// of libraries.
const maxValue = 200

func shorten(s string) string {
	if len(s) <= maxValue {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(s[:maxValue], ""), len(s))
}

// Text writes the review for a terminal.
func (r *Review) Text(w io.Writer) error {
	fmt.Fprintf(w, "from revision %d to %d\n", r.From, r.To)
	empty := true
	for _, s := range r.sections() {
		if len(s.lines) == 0 {
			continue
		}
		empty = false
		fmt.Fprintf(w, "%s\n", strings.ToLower(s.title))
		for _, line := range s.lines {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
	if empty {
		fmt.Fprintln(w, "same content")
	}
	return nil
}

// markdown escapes what could end a list item or begin markup: reasons and
// requirements are foreign text.
var markdown = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", `\<`, ">", `\>`, "[", `\[`, "]", `\]`, "|", `\|`, "#", `\#`, "&", `\&`)

// Markdown writes the review for a merge request.
func (r *Review) Markdown(w io.Writer) error {
	fmt.Fprintf(w, "## Revision %d → %d\n", r.From, r.To)
	empty := true
	for _, s := range r.sections() {
		if len(s.lines) == 0 {
			continue
		}
		empty = false
		fmt.Fprintf(w, "\n### %s\n\n", s.title)
		for _, line := range s.lines {
			sign, rest, _ := strings.Cut(line, " ")
			fmt.Fprintf(w, "* `%s` %s\n", sign, markdown.Replace(rest))
		}
	}
	if empty {
		fmt.Fprintln(w, "\nSame content.")
	}
	return nil
}
