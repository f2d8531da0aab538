package tools_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// recorder stands in for a test that Need skips or fails.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper() {}

func (r *recorder) Skip(args ...any) {
	r.skipped = fmt.Sprint(args...)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) {
	r.failed = fmt.Sprint(args...)
	runtime.Goexit()
}

func need(t *testing.T, name string) (path string, r *recorder) {
	r = &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		path = tools.Need(r, name)
	}()
	<-done
	return path, r
}

func TestNeed(t *testing.T) {
	bin := t.TempDir()
	program := filepath.Join(bin, "pinwheel-some-tool")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)

	t.Setenv(tools.RequireEnv, "")
	if path, _ := need(t, "pinwheel-some-tool"); path != program {
		t.Errorf("Need found %q, want %q", path, program)
	}
	if _, r := need(t, "pinwheel-no-such-tool"); r.skipped == "" || r.failed != "" {
		t.Errorf("a missing tool: skipped %q, failed %q; want a skip", r.skipped, r.failed)
	}
	if _, r := need(t, "../go.mod"); r.skipped == "" {
		t.Error("a path was taken for the name of a program")
	}

	t.Setenv(tools.RequireEnv, "1")
	if _, r := need(t, "pinwheel-no-such-tool"); r.failed == "" {
		t.Errorf("a missing tool that is required: skipped %q; want a failure", r.skipped)
	}
}

func TestRoot(t *testing.T) {
	t.Parallel()
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "test", "tools", "tools.go")); err != nil {
		t.Errorf("Root is %s: %v", root, err)
	}
}
