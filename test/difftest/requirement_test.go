package difftest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// environments that markers are evaluated in; "sets" holds set-valued variables.
func environments() []wheel.Environment {
	linux := wheel.Environment{
		ImplementationName: "cpython", ImplementationVersion: "3.12.4", OSName: "posix",
		PlatformMachine: "x86_64", PlatformPythonImplementation: "CPython",
		PlatformRelease: "5.14.0-427.el9.x86_64", PlatformSystem: "Linux",
		PlatformVersion: "#1 SMP PREEMPT_DYNAMIC", PythonFullVersion: "3.12.4",
		PythonVersion: "3.12", SysPlatform: "linux",
	}
	arm := linux
	arm.PlatformMachine, arm.Extra, arm.PlatformRelease = "aarch64", "Te_st", "6.1"
	old := linux
	old.PythonVersion, old.PythonFullVersion, old.ImplementationVersion, old.Extra = "3.8", "3.8.20+", "3.8.20", "dev"
	pypy := linux
	pypy.ImplementationName, pypy.PlatformPythonImplementation, pypy.ImplementationVersion = "pypy", "PyPy", "7.3.20"
	pypy.SelectedExtras = []string{"Te.st", "dev"}
	beta := linux
	beta.PythonVersion, beta.PythonFullVersion, beta.ImplementationVersion = "3.14", "3.14.0rc1", "3.14.0rc1"
	beta.Sets = map[string][]string{"extras": {"Te-st"}, "dependency_groups": {"dev", "docs"}}
	windows := wheel.Environment{
		ImplementationName: "cpython", ImplementationVersion: "3.13.0", OSName: "nt", PlatformMachine: "AMD64",
		PlatformPythonImplementation: "CPython", PlatformRelease: "11", PlatformSystem: "Windows",
		PlatformVersion: "10.0.26100", PythonFullVersion: "3.13.0", PythonVersion: "3.13", SysPlatform: "win32",
		Sets: map[string][]string{"extras": {}},
	}
	return []wheel.Environment{linux, arm, old, pypy, beta, windows, {}}
}

// forPackaging spells an environment as packaging takes it.
func forPackaging(e wheel.Environment) map[string]any {
	env := map[string]any{
		"implementation_name": e.ImplementationName, "implementation_version": e.ImplementationVersion,
		"os_name": e.OSName, "platform_machine": e.PlatformMachine,
		"platform_python_implementation": e.PlatformPythonImplementation,
		"platform_release":               e.PlatformRelease, "platform_system": e.PlatformSystem,
		"platform_version": e.PlatformVersion, "python_full_version": e.PythonFullVersion,
		"python_version": e.PythonVersion, "sys_platform": e.SysPlatform, "extra": e.Extra,
	}
	sets := map[string][]string{}
	for name, members := range e.Sets {
		sets[name] = members
	}
	if len(e.SelectedExtras) > 0 {
		sets["extra"] = e.SelectedExtras
	}
	env["sets"] = sets
	return env
}

type markerAnswer struct {
	OK      bool
	Norm    *string
	Results []string
}

func TestMarkers(t *testing.T) {
	t.Parallel()
	envs := environments()
	var asked []map[string]any
	for _, e := range envs {
		asked = append(asked, forPackaging(e))
	}
	s := newSource(5)
	texts := repeat(lines(t, "markers.txt"), 1500, func() string { return s.marker(2) })
	texts = repeat(texts, 1500, func() string { return s.mutate(texts[:len(texts):len(texts)]) })
	texts = append(texts, nested(wheel.MaxMarkerDepth), nested(wheel.MaxMarkerDepth+1))
	var questions []question
	for _, text := range texts {
		if strings.Contains(text, `\N`) || strings.Contains(text, `\ud`) {
			continue // the two that ParseMarker refuses on purpose
		}
		questions = append(questions, question{Op: "marker", A: text, Envs: asked})
	}
	evaluations := 0
	for i, want := range ask[markerAnswer](t, questions) {
		var got markerAnswer
		if m, err := wheel.ParseMarker(questions[i].A); err == nil {
			norm := m.String()
			got = markerAnswer{OK: true, Norm: &norm}
			for _, env := range envs {
				evaluations++
				got.Results = append(got.Results, evaluated(t, m, env))
			}
		}
		if want.OK && want.Norm == nil {
			got.Norm = nil // packaging cannot spell it
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("marker %q: packaging -, ours +\n%s", questions[i].A, diff)
		}
	}
	t.Logf("%d markers, %d evaluations", len(questions), evaluations)
}

func nested(depth int) string {
	return strings.Repeat("(", depth) + "os_name == 'posix'" + strings.Repeat(")", depth)
}

func evaluated(t *testing.T, m wheel.Marker, env wheel.Environment) string {
	t.Helper()
	holds, err := m.Evaluate(env)
	switch {
	case errors.Is(err, wheel.ErrUndefinedComparison):
		return "undefined comparison"
	case errors.Is(err, wheel.ErrUndefinedName):
		return "undefined name"
	case err != nil:
		t.Errorf("evaluate %q: unexpected kind of error: %v", m, err)
		return err.Error()
	case holds:
		return "true"
	}
	return "false"
}

type requirementAnswer struct {
	OK                                    bool
	Norm                                  *string
	Name, Project, Specifier, URL, Marker string
	Extras                                []string
}

func TestRequirements(t *testing.T) {
	t.Parallel()
	s := newSource(6)
	texts := repeat(lines(t, "requirements.txt"), 1500, s.requirement)
	texts = repeat(texts, 2000, func() string { return s.mutate(texts[:len(texts):len(texts)]) })
	var questions []question
	for _, text := range texts {
		questions = append(questions, question{Op: "requirement", A: text})
	}
	valid := 0
	for i, want := range ask[requirementAnswer](t, questions) {
		var got requirementAnswer
		if r, err := wheel.ParseRequirement(questions[i].A); err == nil {
			valid++
			norm := r.String()
			got = requirementAnswer{
				OK: true, Norm: &norm, Name: r.Name, Project: r.Project(), Specifier: r.Specifiers.String(), URL: r.URL,
				Marker: r.Marker.String(), Extras: append([]string{}, r.Extras...),
			}
			again, err := wheel.ParseRequirement(norm)
			if err != nil {
				t.Errorf("requirement %q: its normal form %q: %v", questions[i].A, norm, err)
			} else if again.String() != norm {
				t.Errorf("requirement %q: normal form %q becomes %q", questions[i].A, norm, again)
			}
		}
		if want.OK && want.Norm == nil {
			got.Norm = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("requirement %q: packaging -, ours +\n%s", questions[i].A, diff)
		}
	}
	t.Logf("%d requirements, %d of them valid", len(questions), valid)
}
