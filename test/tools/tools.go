// Package tools finds the external programs that tests drive: registries,
// skopeo, pip and the like.
//
// A test that needs one asks [Need] for it. On a machine without the program
// the test is skipped with its name, so that `go test ./...` passes everywhere;
// with E2E_REQUIRE=1 in the environment (CI sets it) the test fails instead, so
// that nothing is skipped unnoticed where everything should be installed.
package tools

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// RequireEnv is the environment variable that turns a skip for a missing
// program into a failure when its value is "1".
const RequireEnv = "E2E_REQUIRE"

// Need returns the absolute path of the named program: from .tools/bin of the
// repository, else from .tools/py/bin, else from PATH. If there is none it
// skips the test, or fails it when [RequireEnv] is "1".
func Need(t testing.TB, name string) string {
	t.Helper()
	path, err := find(name)
	if err == nil {
		return path
	}
	Missing(t, fmt.Sprintf("needs the program %q: %v", name, err))
	return ""
}

// Missing ends a test that cannot run here, and says what it needs: it is
// skipped, or fails when [RequireEnv] is "1".
func Missing(t testing.TB, needs string) {
	t.Helper()
	if os.Getenv(RequireEnv) == "1" {
		t.Fatal(needs)
	}
	t.Skip(needs)
}

// Root returns the directory of the repository: the nearest one above this
// source file, else above the working directory, that holds go.mod.
func Root() (string, error) {
	if _, file, _, ok := runtime.Caller(0); ok {
		// With -trimpath the path is that of the module, not of a file.
		if root, err := above(filepath.Dir(file)); err == nil {
			return root, nil
		}
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find repository: %w", err)
	}
	return above(dir)
}

func above(dir string) (string, error) {
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("find repository: %s is not an absolute path", dir)
	}
	for start := dir; ; {
		if info, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil && info.Mode().IsRegular() {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find repository: no go.mod above %s", start)
		}
		dir = parent
	}
}

func find(name string) (string, error) {
	if name == "" || filepath.Base(name) != name {
		return "", errors.New("not the name of a program")
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	for _, dir := range []string{
		filepath.Join(root, ".tools", "bin"),
		filepath.Join(root, ".tools", "py", "bin"),
	} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", errors.New("not in .tools/bin, .tools/py/bin or PATH")
	}
	return filepath.Abs(path)
}
