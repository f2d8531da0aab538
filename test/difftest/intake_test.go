package difftest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// verdict of installers on one wheel: "" or why it was not taken.
type verdict struct{ Pip, UV, Wheel string }

// takers names those that took the wheel.
func (v verdict) takers() string {
	var list []string
	for _, x := range []struct{ name, said string }{{"pip", v.Pip}, {"uv", v.UV}, {"wheel", v.Wheel}} {
		if x.said == "" {
			list = append(list, x.name)
		}
	}
	return strings.Join(list, " ")
}

// foreign is true for a wheel that is not for this machine and Python, of which
// pip and uv can say nothing.
func (v verdict) foreign() bool {
	return strings.Contains(v.Pip, "not a supported wheel on this platform")
}

// askInstallers has pip, uv and wheel take the files.
func askInstallers(t *testing.T, paths []string) []verdict {
	t.Helper()
	python, err := filepath.Abs("../../.tools/py/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if exec.CommandContext(t.Context(), python, "-c", "import pip, uv, wheel._commands").Run() != nil {
		tools.Missing(t, "needs pip, uv and wheel in .tools/py (test/tools/install)")
	}
	var in bytes.Buffer
	for _, path := range paths {
		line, err := json.Marshal(path)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	cmd := exec.CommandContext(t.Context(), python, "-W", "ignore", "installers.py")
	cmd.Stdin = &in
	cmd.Env = append(os.Environ(), "PIP_FIND_LINKS=", "PIP_CONFIG_FILE=/dev/null")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("installers.py: %v\n%s", err, stderr.String())
	}
	var list []verdict
	scanner := bufio.NewScanner(bytes.NewReader(out))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var v verdict
		if err := json.Unmarshal(scanner.Bytes(), &v); err != nil {
			t.Fatalf("answer %q: %v", scanner.Text(), err)
		}
		list = append(list, v)
	}
	if len(list) != len(paths) {
		t.Fatalf("%d answers for %d wheels", len(list), len(paths))
	}
	return list
}

// rulesOf are the rules that refuse a file, each once.
func rulesOf(t *testing.T, filename string, data []byte) string {
	t.Helper()
	_, err := wheel.Inspect(t.Context(), bytes.NewReader(data), int64(len(data)), filename, wheel.Limits{}, nil)
	var rules []string
	for _, e := range wheel.Refusals(err) {
		rules = append(rules, string(e.Rule))
	}
	if err != nil && rules == nil {
		t.Fatal(err)
	}
	slices.Sort(rules)
	return strings.Join(slices.Compact(rules), " ")
}

// TestIntakeMutated changes one thing of a real wheel and holds the verdict of
// the rules against what installers do with it. Whatever the rules accept, all
// have to take.
func TestIntakeMutated(t *testing.T) {
	t.Parallel()
	pure := realWheel(t, "second/six-1.17.0-*.whl")
	binary := realWheel(t, "first/markupsafe-*.whl")
	dir := t.TempDir()
	cases := mutations()
	var paths []string
	for i, c := range cases {
		k := takeApart(t, pure)
		if c.binary {
			k = takeApart(t, binary)
		}
		c.change(k)
		data := k.build()
		if got := rulesOf(t, k.filename, data); got != c.rules {
			t.Errorf("%s: refused by %q, want %q", c.name, got, c.rules)
		}
		path := filepath.Join(dir, string(rune('a'+i/26))+string(rune('a'+i%26)), k.filename)
		if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	for i, v := range askInstallers(t, paths) {
		c := cases[i]
		want := c.takers
		if c.rules == "" {
			want = "pip uv wheel"
		}
		if v.takers() != want {
			t.Errorf("%s: taken by %q, want %q\npip: %s\nuv: %s\nwheel: %s", c.name, v.takers(), want, v.Pip, v.UV, v.Wheel)
		}
	}
}

// TestIntakeIsDocumented holds the last table of docs/intake.md to the cases
// that are refused here and taken elsewhere.
func TestIntakeIsDocumented(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/intake.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(data), "| change of a real wheel | taken by | rule |\n|---|---|---|\n")
	text, _, _ = strings.Cut(text, "\n\n")
	want := ""
	for _, m := range mutations() {
		if m.takers != "" {
			want += "| " + m.name + " | " + strings.ReplaceAll(m.takers, " ", ", ") + " | `" + strings.ReplaceAll(m.rules, " ", "`, `") + "` |\n"
		}
	}
	if diff := cmp.Diff(want, text+"\n"); diff != "" {
		t.Errorf("-cases +docs/intake.md\n%s", diff)
	}
}

// TestIntakeReal gives real wheels to the rules and to the installers.
func TestIntakeReal(t *testing.T) {
	t.Parallel()
	refused := map[string]string{
		// Its platform tag says "any", its content is for x86_64.
		"debugpy-1.8.22-py2.py3-none-any.whl": "elf foreign",
	}
	realWheel(t, "strange/*.whl")
	var found []string
	for _, list := range []string{"first", "second", "mixed", "fitting", "strange"} {
		paths, err := filepath.Glob(filepath.Join("..", "..", ".tools", "wheels", list, "*.whl"))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	var paths []string
	for _, path := range found {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		if got := rulesOf(t, name, data); got != refused[name] {
			t.Errorf("%s: refused by %q, want %q", name, got, refused[name])
		}
		if len(data) < 4<<20 { // the rest would only take time
			paths = append(paths, path)
		}
	}
	compared := 0
	for i, v := range askInstallers(t, paths) {
		switch {
		case v.foreign():
		case v.takers() != "pip uv wheel":
			t.Errorf("%s: taken by %q only: %+v", paths[i], v.takers(), v)
		default:
			compared++
		}
	}
	if compared < 8 {
		t.Errorf("only %d of %d wheels are for this machine", compared, len(paths))
	}
}
