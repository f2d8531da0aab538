package difftest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// oldestPackaging is the release whose behaviour pkg/wheel follows. Older ones
// differ in pre-release defaults and in file names.
const oldestPackaging = "26.4"

type question struct {
	Op       string           `json:"op"`
	A        string           `json:"a"`
	B        string           `json:"b,omitempty"`
	Versions []string         `json:"versions,omitempty"`
	Envs     []map[string]any `json:"envs,omitempty"`
}

// python finds an interpreter with a recent packaging, or ends the test.
func python(t *testing.T) string {
	t.Helper()
	local, err := filepath.Abs("../../.tools/py/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	candidates := []string{local, "python3"}
	if chosen := os.Getenv("PINWHEEL_PYTHON"); chosen != "" {
		candidates = []string{chosen}
	}
	oldest, _ := wheel.ParseVersion(oldestPackaging)
	for _, python := range candidates {
		out, err := exec.CommandContext(t.Context(), python, "-c", "import packaging; print(packaging.__version__)").Output()
		if err != nil {
			continue
		}
		if v, err := wheel.ParseVersion(string(out)); err == nil && v.Compare(oldest) >= 0 {
			return python
		}
	}
	tools.Missing(t, "needs python packaging "+oldestPackaging+" or newer (PINWHEEL_PYTHON, .tools/py/bin/python or python3)")
	return ""
}

// ask puts the questions to packaging and decodes the answers, in order.
func ask[Answer any](t *testing.T, questions []question) []Answer {
	t.Helper()
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, q := range questions {
		if err := enc.Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), python(t), "-W", "ignore", "oracle.py")
	cmd.Stdin = &in
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("oracle.py: %v\n%s", err, stderr.String())
	}
	answers := make([]Answer, 0, len(questions))
	scanner := bufio.NewScanner(bytes.NewReader(out))
	scanner.Buffer(nil, 1<<24)
	for scanner.Scan() {
		var a Answer
		if err := json.Unmarshal(scanner.Bytes(), &a); err != nil {
			t.Fatalf("answer %q: %v", scanner.Text(), err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(answers), len(questions))
	}
	return answers
}

// lines reads a list in testdata. Lines that begin with a double quote are Go
// string literals, those that begin with # are comments.
func lines(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '"':
			if line, err = strconv.Unquote(line); err != nil {
				t.Fatalf("testdata/%s: %v", name, err)
			}
		}
		list = append(list, line)
	}
	return list
}
