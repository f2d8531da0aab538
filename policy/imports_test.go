package policy_test

import (
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The package that says yes or no must be a function of what it is given.
func TestNoInputOutput(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	forbidden := []string{"os", "io/fs", "net", "net/http", "crypto/rand", "math/rand", "math/rand/v2", "syscall", "log", "log/slog"}
	checked := 0
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		data, err := os.ReadFile(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "time.Now(") {
			t.Errorf("%s reads the clock", entry.Name())
		}
		f, err := parser.ParseFile(token.NewFileSet(), entry.Name(), data, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			if slices.Contains(forbidden, path) || strings.Contains(path, "oras") || strings.HasSuffix(path, "pkg/registry") {
				t.Errorf("%s imports %s", entry.Name(), path)
			}
		}
		checked++
	}
	if checked < 5 {
		t.Errorf("only %d files looked at", checked)
	}
}
