package wheel_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

const demoName = "demo-1.0-py3-none-any.whl"

// ruleCase is a file and what the rules find in it: "path" for a refusal,
// "~path" for a warning, nothing for a file without fault.
type ruleCase struct {
	filename string // default demoName
	data     []byte
	want     string
}

func ruleCases(t *testing.T) map[string]ruleCase {
	t.Helper()
	all := map[string]ruleCase{}
	for _, list := range []map[string]ruleCase{
		zipCases(t), zip64Cases(t), limitCases(t), pathCases(t), collisionCases(t), distInfoCases(t), recordCases(t),
		tagCases(t), metadataCases(t), entryPointCases(t), binaryCases(t), sdistCases(t), tarCases(t),
	} {
		for name, c := range list {
			if _, twice := all[name]; twice {
				t.Fatalf("two cases are called %q", name)
			}
			if c.filename == "" {
				c.filename = demoName
			}
			all[name] = c
		}
	}
	return all
}

// findings lists the rules of all refusals and warnings, each once.
func findings(info *wheel.Info, err error) string {
	set := map[string]bool{}
	for _, e := range wheel.Refusals(err) {
		set[string(e.Rule)] = true
	}
	if info != nil {
		for _, w := range info.Warnings {
			set["~"+string(w.Rule)] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), " ")
}

func TestRules(t *testing.T) {
	t.Parallel()
	for name, c := range ruleCases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			info, err := inspect(t, c.filename, c.data)
			if err != nil && len(wheel.Refusals(err)) == 0 {
				t.Fatalf("not a refusal: %v", err)
			}
			if got := findings(info, err); got != c.want {
				t.Errorf("found %q, want %q (%v)", got, c.want, err)
			}
			for _, e := range wheel.Refusals(err) {
				if e.File != c.filename && e.Rule != wheel.RuleFilename || e.Reason == "" || strings.ContainsAny(e.Error(), "\n\x00\x1b") {
					t.Errorf("the refusal is %+v", e)
				}
			}
		})
	}
}

// TestEveryRuleFires wants, for each rule, a file that it refuses and one that
// it warns of, as far as the rule does that; and no finding of other rules.
func TestEveryRuleFires(t *testing.T) {
	t.Parallel()
	fired := map[string]bool{}
	for _, c := range ruleCases(t) {
		for _, f := range strings.Fields(c.want) {
			fired[f] = true
		}
	}
	want := map[string]bool{}
	for _, r := range wheel.Rules() {
		if r.Refuses {
			want[string(r.Rule)] = true
		}
		if r.Warns {
			want["~"+string(r.Rule)] = true
		}
	}
	if diff := cmp.Diff(want, fired); diff != "" {
		t.Errorf("-rules +cases\n%s", diff)
	}
}

// TestRulesAreDocumented holds the tables of docs/intake.md to the code.
func TestRulesAreDocumented(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/intake.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(line, "|")
		if len(cells) == 6 && strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			rule := strings.Trim(strings.TrimSpace(cells[1]), "`")
			if _, twice := documented[rule]; twice {
				t.Errorf("docs/intake.md has %s twice", rule)
			}
			documented[rule] = strings.TrimSpace(cells[2])
		}
	}
	want := map[string]string{}
	for _, r := range wheel.Rules() {
		switch {
		case r.Refuses && r.Warns:
			want[string(r.Rule)] = "refuse, warn"
		case r.Refuses:
			want[string(r.Rule)] = "refuse"
		default:
			want[string(r.Rule)] = "warn"
		}
	}
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("-code +docs/intake.md\n%s", diff)
	}
}

// TestRefusalsAreAllNamed has several faults in one file and wants each, once
// and in a fixed order, with the first where errors.As looks.
func TestRefusalsAreAllNamed(t *testing.T) {
	t.Parallel()
	data := wheelOf(
		member{name: "demo/a.py", content: "a", record: "demo/a.py,sha256=AAAA,1"},
		member{name: "demo/b.py", content: "b", record: "-"},
		member{name: demo + "METADATA", content: "Metadata-Version: 2.4\nName: other\nVersion: 1.1\n"},
	).bytes(t)
	_, err := inspect(t, demoName, data)
	var got []string
	for _, e := range wheel.Refusals(err) {
		got = append(got, string(e.Rule)+" "+e.Member)
	}
	want := []string{"record-hash demo/a.py", "record-files demo/b.py", "name " + demo + "METADATA", "version " + demo + "METADATA"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	var first *wheel.Error
	if !errors.As(err, &first) || first.Rule != wheel.RuleRecordHash || !strings.HasSuffix(err.Error(), "(and 3 more)") {
		t.Errorf("the error is %v", err)
	}
}

// TestFindingsAreBounded has more faults than are kept.
func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	var members []member
	for i := range 250 {
		members = append(members, member{name: fmt.Sprintf("demo/%d.py", i), content: "x", record: "-", mode: 0o104755})
	}
	_, err := inspect(t, demoName, wheelOf(members...).bytes(t))
	list := wheel.Refusals(err)
	if len(list) != 100 || list[99].Reason != "and 151 refusals more" {
		t.Errorf("%d refusals, the last is %v", len(list), list[len(list)-1])
	}
	for i := range members {
		members[i].record = ""
	}
	info, err := inspect(t, demoName, wheelOf(members...).bytes(t))
	if err != nil || len(info.Warnings) != 100 || info.Warnings[99].Reason != "and 151 warnings more" {
		t.Errorf("%v, %d warnings", err, len(info.Warnings))
	}
}
