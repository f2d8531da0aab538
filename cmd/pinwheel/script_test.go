package main_test

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pinwheel-oci/pinwheel/cmd/pinwheel/internal/cli"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pinwheel": func() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs testdata/script: the specification of each command, in
// examples. Each script has two registries of its own: $REGISTRY, open to all, and
// $PRIVATE, which wants the credentials in $AUTHFILE.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               func(env *testscript.Env) error { return setup(t, env) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"wheel":   func(ts *testscript.TestScript, neg bool, args []string) { wheelCommand(t, ts, args) },
			"exits":   exitsCommand,
			"capture": captureCommand,
			"replace": replaceCommand,
		},
	})
}

func setup(t *testing.T, env *testscript.Env) error {
	open := httptest.NewServer(registrytest.Handler(registrytest.Quirks{}))
	env.Defer(open.Close)
	private := httptest.NewServer(registrytest.Handler(registrytest.Quirks{Username: registrytest.Username, Password: registrytest.Password}))
	env.Defer(private.Close)
	host := func(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }
	env.Setenv("REGISTRY", host(open))
	env.Setenv("PRIVATE", host(private))
	env.Setenv("PINWHEEL_LEASE_WAIT", "20ms") // this registry is near
	env.Setenv("AUTHFILE", registrytest.WriteAuthFile(t, host(private), registrytest.Username, registrytest.Password))
	return nil
}

// wheelCommand is "wheel NAME VERSION [TAGS] [key=value…]": it builds a wheel below
// dist/, or below dir=DIR. Other keys: build, summary, license, python, omit.
func wheelCommand(t *testing.T, ts *testscript.TestScript, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: wheel NAME VERSION [TAGS] [key=value…]")
	}
	w, dir := wheeltest.Wheel{Name: args[0], Version: args[1]}, "dist"
	for _, arg := range args[2:] {
		key, value, ok := strings.Cut(arg, "=")
		switch {
		case !ok:
			w.Tags = key
		case key == "dir":
			dir = value
		case key == "build":
			w.Build = value
		case key == "summary":
			w.Summary = value
		case key == "license":
			w.License = value
		case key == "python":
			w.RequiresPython = value
		case key == "omit":
			w.Omit = append(w.Omit, value)
		default:
			ts.Fatalf("wheel: unknown key %q", key)
		}
	}
	dir = ts.MkAbs(dir)
	ts.Check(os.MkdirAll(dir, 0o777))
	ts.Check(os.WriteFile(filepath.Join(dir, w.Filename()), wheeltest.Build(t, w), 0o666))
}

// exitsCommand is "exits CODE PROGRAM ARG…".
func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// captureCommand is "capture VARIABLE REGEXP": it keeps what the group in REGEXP
// matches in the last standard output.
func captureCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture VARIABLE REGEXP")
	}
	m := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) != 2 {
		ts.Fatalf("the output does not match %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// replaceCommand is "replace FILE OLD NEW": an edit by hand.
func replaceCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	old := ts.ReadFile(args[0])
	edited := strings.Replace(old, args[1], args[2], 1)
	if edited == old {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(edited), 0o666))
}
