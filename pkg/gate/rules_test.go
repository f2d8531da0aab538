package gate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// shell is a rule that runs a script.
func shell(script string) gate.Rule {
	return gate.Rule{Name: "own", Command: []string{"/bin/sh", "-c", script}, Timeout: 20 * time.Second}
}

func TestOwnRules(t *testing.T) {
	t.Parallel()
	tools.Need(t, "sh")
	for _, tt := range []struct {
		name string
		rule gate.Rule
		mode string
		want []string // "severity rule: message"
	}{
		{"nothing to say", shell(`cat >/dev/null; echo '{"findings":[]}'`), "", nil},
		{"that does not read its input", shell(`echo '{"findings":[]}'`), "", nil},
		{"a finding", shell(`cat >/dev/null; echo '{"findings":[{"severity":"error","project":"a","version":"1","message":"too young","rule":"age"}]}'`), "", []string{"error own/age: too young"}},
		{"a warning and a note", shell(`cat >/dev/null; echo '{"findings":[{"severity":"note","message":"n"},{"severity":"warn","message":"w"}]}'`), "", []string{"warn own: w", "note own: n"}},
		{"in a gate that only warns", shell(`cat >/dev/null; echo '{"findings":[{"severity":"error","message":"e"}]}'`), "warn", []string{"warn own: e"}},
		{"in a gate that is off", shell(`cat >/dev/null; echo '{"findings":[{"severity":"error","message":"e"}]}'`), "off", nil},
		{"that fails", shell(`cat >/dev/null; echo cannot reach the licence list >&2; exit 3`), "", []string{"error own: rule own: exit status 3: cannot reach the licence list"}},
		{"that is not there", gate.Rule{Name: "own", Command: []string{"/nowhere/rule"}}, "", []string{"error own: rule own: fork/exec /nowhere/rule: no such file or directory"}},
		{"that writes something else", shell(`cat >/dev/null; echo ok`), "", []string{"error own: rule own: read its findings: "}},
		{"that writes unknown members", shell(`cat >/dev/null; echo '{"findings":[],"verdict":"ok"}'`), "", []string{"error own: rule own: read its findings: "}},
		{"that invents a severity", shell(`cat >/dev/null; echo '{"findings":[{"severity":"fatal","message":"e"}]}'`), "", []string{`error own: rule own: finding 0: severity "fatal"`}},
		{"that writes without end", shell(`cat >/dev/null; head -c 5000000 /dev/zero`), "", []string{"error own: rule own: more than 4194304 bytes of output"}},
		{"that hangs", gate.Rule{Name: "own", Command: []string{"/bin/sh", "-c", "exec sleep 60"}, Timeout: 50 * time.Millisecond}, "", []string{"error own: rule own: no answer within 50ms"}},
	} {
		t.Run("a rule "+tt.name, func(t *testing.T) {
			t.Parallel()
			r := row{target: target(), files: []entry{pure("a-1")}, change: func(in *gate.Input) { in.Rules = []gate.Rule{tt.rule} }}
			if tt.mode != "" {
				r.target = target(mode("rules", tt.mode))
			}
			var got []string
			for _, f := range r.run(t).Findings {
				got = append(got, f.Severity+" "+f.Rule+": "+f.Message)
			}
			for i := range got {
				if i < len(tt.want) && strings.HasPrefix(got[i], tt.want[i]) {
					got[i] = tt.want[i]
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatRulesAreGiven(t *testing.T) {
	t.Parallel()
	seen := filepath.Join(t.TempDir(), "input")
	r := row{target: target(), files: []entry{pure("b-1", "a"), pure("a-1")}, live: []entry{pure("a-1")}}
	r.change = func(in *gate.Input) {
		in.Rules = []gate.Rule{{Name: "own", Command: []string{"/bin/sh", "-c", `cat >"$0"; echo '{"findings":[]}'`, seen}}}
	}
	if report := r.run(t); report.Result != gate.Pass {
		t.Fatalf("got %+v", report)
	}
	data, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	var in gate.RuleInput
	if err := strictjson.Unmarshal(data, &in); err != nil {
		t.Fatal(err)
	}
	if in.Format != 1 || in.Catalog.Serial != 7 || in.Live.Serial != 6 || len(in.Facts) != 2 || in.Facts[1].Requires[0] != "a" {
		t.Errorf("got %s", data)
	}
}

func TestRulesNeedNames(t *testing.T) {
	t.Parallel()
	k := newKnown()
	in := k.input(k.catalog(t, 1, target(), []entry{pure("a-1")}))
	in.Rules = []gate.Rule{{Name: "Own Rule", Command: []string{"/bin/true"}}}
	if _, err := gate.Run(t.Context(), in); err == nil || !strings.Contains(err.Error(), "Own Rule") {
		t.Errorf("got %v", err)
	}
}
