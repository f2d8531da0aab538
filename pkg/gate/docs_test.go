package gate_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

var ruleRow = regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\| ([a-z, ]+) \\|")

// section is what docs/gates.md says of one gate.
type section struct{ gate, text string }

func sections(t *testing.T) []section {
	t.Helper()
	var list []section
	for i, part := range strings.Split(documentation(t), "\n### ") {
		if i > 0 {
			name, text, _ := strings.Cut(part, "\n\n")
			text, _, _ = strings.Cut(text, "\n## ")
			list = append(list, section{name, text})
		}
	}
	return list
}

func documentation(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "gates.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDocumentation holds docs/gates.md to the gates, their order, default
// modes and rules.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range sections(t) {
		name, body := s.gate, s.text
		names = append(names, name)
		if !strings.HasPrefix(body, "Default `"+gate.DefaultMode(name)+"`. ") && !strings.HasPrefix(body, "Always `"+gate.DefaultMode(name)+"`. ") {
			t.Errorf("%s: the default is %s, the text begins %.40q", name, gate.DefaultMode(name), body)
		}
		var rules []string
		for _, row := range ruleRow.FindAllStringSubmatch(body, -1) {
			rules = append(rules, row[1])
		}
		want := slices.DeleteFunc(slices.Clone(gate.RuleNames(name)), func(r string) bool { return r == "facts-missing" })
		slices.Sort(rules)
		slices.Sort(want)
		if diff := cmp.Diff(want, rules); diff != "" {
			t.Errorf("%s: rules of the code and of docs/gates.md differ (-code +docs):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(gate.Names(), names); diff != "" {
		t.Errorf("gates of the code and of docs/gates.md differ (-code +docs):\n%s", diff)
	}
}

// TestDocumentedSeverities holds the severities of the tables to those that
// the rows of TestRules give.
func TestDocumentedSeverities(t *testing.T) {
	t.Parallel()
	documented := map[string]string{}
	for _, s := range sections(t) {
		for _, row := range ruleRow.FindAllStringSubmatch(s.text, -1) {
			documented[s.gate+"/"+row[1]] = row[2]
		}
	}
	for _, r := range rows() {
		if r.change != nil || r.target != nil && len(r.target.Gates) > 0 {
			continue // modes, transitions and rollbacks change severities
		}
		for _, line := range r.want {
			fields := strings.Fields(line)
			if fields[0] == "waived" || strings.HasSuffix(fields[1], "/facts-missing") {
				continue
			}
			if !slices.Contains(strings.Split(documented[fields[1]], ", "), fields[0]) {
				t.Errorf("%s is %s in %q, docs/gates.md says %q", fields[1], fields[0], r.name, documented[fields[1]])
			}
		}
	}
}

// TestDocumentedRule runs the example of a rule.
func TestDocumentedRule(t *testing.T) {
	t.Parallel()
	python := tools.Need(t, "python3")
	_, rest, _ := strings.Cut(documentation(t), "```python\n")
	script, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("no example")
	}
	licensed := pure("b-1")
	licensed.facts.Licenses = []string{"b-1.dist-info/licenses/LICENSE"}
	r := row{target: target(), files: []entry{pure("a-1"), licensed}}
	r.change = func(in *gate.Input) { in.Rules = []gate.Rule{{Name: "own", Command: []string{python, "-c", script}}} }
	report := r.run(t)
	if diff := cmp.Diff([]string{"error rules/own/licence a 1"}, lines(report)); diff != "" {
		data, _ := json.Marshal(report.Findings)
		t.Errorf("(-want +got):\n%s\n%s", diff, bytes.TrimSpace(data))
	}
}
