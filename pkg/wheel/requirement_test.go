package wheel_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

var linux = wheel.Environment{
	ImplementationName: "cpython", ImplementationVersion: "3.12.4", OSName: "posix", PlatformMachine: "x86_64",
	PlatformPythonImplementation: "CPython", PlatformRelease: "5.14.0-427.el9.x86_64", PlatformSystem: "Linux",
	PythonFullVersion: "3.12.4", PythonVersion: "3.12", SysPlatform: "linux",
}

func TestParseRequirement(t *testing.T) {
	t.Parallel()
	r, err := wheel.ParseRequirement(` Requests[socks, Security ,socks] (>=2.8.1, ==2.8.*) ; python_version < "3.9" and extra == "A_B"`)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{r.Name, r.Project(), r.Extras, r.Specifiers.String(), r.URL, r.Marker.String(), r.String()}
	want := []any{
		"Requests", "requests", []string{"Security", "socks"}, "==2.8.*,>=2.8.1", "", `python_version < "3.9" and extra == "a-b"`,
		`Requests[Security,socks]==2.8.*,>=2.8.1; python_version < "3.9" and extra == "a-b"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	r, err = wheel.ParseRequirement(`torch @ https://registry.example/t.whl ; os_name == "nt"`)
	if err != nil || r.URL != "https://registry.example/t.whl" || r.Marker.IsZero() {
		t.Errorf("URL requirement: %+v, %v", r, err)
	}
}

func TestParseRequirementRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"nothing": "", "no name": ">=1", "bad name": "-a", "name ends in a dash": "a->1", "bare version": "torch 2.9",
		"open bracket": "torch[a", "empty extra": "torch[,]", "open parenthesis": "torch (>=1", "empty marker": "torch;",
		"URL without a blank": "torch @ https://registry.example/t.whl;os_name=='nt' x", "no URL": "torch @ ",
		"comment": "torch # x", "two clauses without comma": "torch >=1 <2", "newline": "torch\n", "not UTF-8": "torch\xff",
		"too long": "torch" + strings.Repeat(" ", wheel.MaxRequirementLength),
	} {
		if r, err := wheel.ParseRequirement(in); err == nil {
			t.Errorf("%s: %q was read as %q", name, in, r)
		}
	}
}

func TestMarkerEvaluate(t *testing.T) {
	t.Parallel()
	withExtra := linux
	withExtra.Extra = "Te_st"
	several := linux
	several.SelectedExtras = []string{"Te_st", "dev"}
	lock := linux
	lock.Sets = map[string][]string{"extras": {"Te_st"}}
	for _, row := range []struct {
		marker string
		env    wheel.Environment
		want   bool
		err    error
	}{
		{`python_version >= "3.9"`, linux, true, nil}, // 3.12 is no string here
		{`python_version in "3.9 3.12"`, linux, true, nil},
		{`"3.9" <= python_version`, linux, true, nil},
		{`python_full_version < "3.13.0a1"`, linux, true, nil},
		{`platform_release >= "5.0"`, linux, false, nil}, // not a version
		{`sys_platform == "linux" and platform_machine != "aarch64"`, linux, true, nil},
		{`sys_platform == "win32" or os_name == "posix" and os_name == "nt"`, linux, false, nil},
		{`(sys_platform == "win32" or os_name == "posix") and os_name != "nt"`, linux, true, nil},
		{`sys_platform >= "linux"`, linux, true, nil},
		{`sys_platform > "darwin"`, linux, false, nil},
		{`extra == "test"`, linux, false, nil},
		{`extra == "te.st"`, withExtra, true, nil},
		{`extra == "te-st" and extra == "dev"`, several, true, nil},
		{`extra != "te-st"`, several, false, nil},
		{`extra in "te-st"`, several, false, wheel.ErrUndefinedComparison},
		{`"te.st" in extras`, lock, true, nil},
		{`"te.st" not in extras`, lock, false, nil},
		{`"te.st" in extras`, linux, false, wheel.ErrUndefinedName},
		{`extras == "te-st"`, lock, false, wheel.ErrUndefinedComparison},
		{`sys_platform ~= "linux"`, linux, false, wheel.ErrUndefinedComparison},
		{`os_name == "posix" or sys_platform ~= "x"`, linux, false, wheel.ErrUndefinedComparison},
	} {
		m, err := wheel.ParseMarker(row.marker)
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := m.Evaluate(row.env)
		if got != row.want || !errors.Is(err, row.err) {
			t.Errorf("%s: %v, %v, want %v, %v", row.marker, got, err, row.want, row.err)
		}
	}
	if holds, err := (wheel.Marker{}).Evaluate(linux); !holds || err != nil {
		t.Error("no marker at all does not hold")
	}
}

func TestParseMarkerRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"nothing": "", "no operator": "os_name", "unknown variable": "os_nam == 'x'", "bare word": "os_name == posix",
		"open quote": "os_name == 'posix", "upper case": "os_name == 'a' AND os_name == 'b'", "open parenthesis": "(os_name == 'a'",
		"names a character": `os_name == '\N{DIGIT ONE}'`, "surrogate": `os_name == '\ud800'`, "newline in a literal": "os_name == 'a\n'",
		"too deep": strings.Repeat("(", 201) + "os_name == 'a'" + strings.Repeat(")", 201),
	} {
		if m, err := wheel.ParseMarker(in); err == nil {
			t.Errorf("%s: %q was read as %q", name, in, m)
		}
	}
}
