package wheel_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// test/difftest compares with Python's packaging on thousands of inputs; the
// tables here are what has to hold where there is no Python.

func mustVersion(tb testing.TB, s string) wheel.Version {
	tb.Helper()
	v, err := wheel.ParseVersion(s)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestParseVersionNormalises(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"1.0":                      "1.0",
		" v1.0-RC.1\n":             "1.0rc1",
		"1!2.0-3+Ubuntu_01":        "1!2.0.post3+ubuntu.1",
		"0!01.02.dev":              "1.2.dev0",
		"1.0a-":                    "1.0a0",
		"1.0preview3.r.4DEV5":      "1.0rc3.post4.dev5",
		"2.9.1+rhaiv.3":            "2.9.1+rhaiv.3",
		"1.18446744073709551616":   "1.18446744073709551616",
		"1.0+12345678901234567890": "1.0+12345678901234567890",
	} {
		if got := mustVersion(t, in).String(); got != want {
			t.Errorf("ParseVersion(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestParseVersionRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"nothing": "", "word": "latest", "empty place": "1..2", "final dot": "1.", "semantic pre-release": "1.0.0-beta.1.2",
		"empty local": "1.0+", "two locals": "1.0+a+b", "wildcard": "1.*", "foreign digits": "\u0661.0", "long s": "1.0.po\u017ft1",
		"not UTF-8": "1.0\xff", "NUL": "1.0\x00", "too long": "1." + strings.Repeat("0", wheel.MaxVersionLength),
	} {
		if v, err := wheel.ParseVersion(in); err == nil {
			t.Errorf("%s: %q was read as %s", name, in, v)
		} else if !v.IsZero() {
			t.Errorf("%s: error with the version %s", name, v)
		}
	}
}

// ordered is PEP 440's order, each strictly after the one before.
var ordered = []string{
	"1.dev0", "1.0.dev456", "1.0a1", "1.0a2.dev456", "1.0a12.dev456", "1.0a12", "1.0b1.dev456", "1.0b2", "1.0b2.post345.dev456",
	"1.0b2.post345", "1.0rc1.dev456", "1.0rc1", "1.0", "1.0+abc.5", "1.0+abc.7", "1.0+5", "1.0+5.0", "1.0+10", "1.0.post456.dev34",
	"1.0.post456", "1.0.15", "1.1.dev1", "1.9", "1.10", "1.18446744073709551616", "1!0.1",
}

func TestVersionOrder(t *testing.T) {
	t.Parallel()
	for i, a := range ordered {
		for j, b := range ordered {
			want := min(1, max(-1, i-j))
			if got := mustVersion(t, a).Compare(mustVersion(t, b)); got != want {
				t.Errorf("Compare(%s, %s) is %d, want %d", a, b, got, want)
			}
		}
	}
	if !mustVersion(t, "1.0").Equal(mustVersion(t, "1")) || mustVersion(t, "1.0").Key() != mustVersion(t, "1").Key() {
		t.Error("1.0 and 1 are not equal")
	}
}

func TestVersionParts(t *testing.T) {
	t.Parallel()
	v := mustVersion(t, "1!2.0rc1.post2.dev3+cpu.1")
	got := []any{v.Public().String(), v.Local(), v.Release(), v.IsPrerelease(), v.IsPostrelease(), v.IsDevrelease(), v.Key()}
	want := []any{"1!2.0rc1.post2.dev3", "cpu.1", "2.0", true, true, true, "1!2rc1.post2.dev3+cpu.1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	var zero wheel.Version
	if zero.String() != "" || zero.Compare(mustVersion(t, "0.dev0")) >= 0 {
		t.Error("the zero Version is not below all")
	}
	var again wheel.Version
	if text, err := v.MarshalText(); err != nil || again.UnmarshalText(text) != nil || !again.Equal(v) {
		t.Errorf("text %q became %s", text, again)
	}
}

func TestSpecifiersContain(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		specifier, version string
		stable, any        bool // with and without pre-releases
	}{
		{"==2.9.1", "2.9.1+rhaiv.3", true, true},
		{"==2.9.1+cpu", "2.9.1", false, false},
		{"==2.9.*", "2.9.1+rhaiv.3", true, true},
		{"==2.9.*", "2.9.0rc1", false, true},
		{"==2.0.*", "2", true, true},
		{"!=2.9.1", "2.9.1+cpu", false, false},
		{"<=2.9.1", "2.9.1+cpu", true, true},
		{">2.9.1", "2.9.1+cpu", false, false},
		{">2.9.1", "2.9.1.post1", false, false},
		{">2.9.1.post1", "2.9.1.post2.dev1", false, true},
		{">2.9.1rc1", "2.9.1rc1.post1", false, false},
		{"<2", "2.0rc1", false, false},
		{"<2", "1.9rc1", false, true},
		{"<2.0rc2", "2.0rc1", false, true},
		{"<2.post1", "2.post1.dev1", false, false},
		{">=2.0rc1", "2.0rc1", false, true},
		{"~=2.9.1", "2.9.5", true, true},
		{"~=2.9.1", "2.10", false, false},
		{"~=2.9", "2.10", true, true},
		{"~=2.9rc1", "2.9rc1", false, true},
		{"===2.9.1", "2.9.1", true, true},
		{"===2.9.1", "2.9.1+cpu", false, false},
		{"==1!2.0", "2.0", false, false},
		{"", "1.0rc1", false, true},
		{">=1,!=1.5.*,<2", "1.5.1", false, false},
		{">=1,!=1.5.*,<2", "1.6", true, true},
	} {
		set, err := wheel.ParseSpecifiers(row.specifier)
		if err != nil {
			t.Error(err)
			continue
		}
		v := mustVersion(t, row.version)
		got := [3]bool{set.Contains(v, false), set.Contains(v, true), set.ContainsDefault(v)}
		if want := [3]bool{row.stable, row.any, row.any}; got != want {
			t.Errorf("%q contains %s: %v, want %v (final, all, default)", row.specifier, row.version, got, want)
		}
	}
}

func TestParseSpecifiersRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"1.0", "=1.0", ">1.0+cpu", ">=1.*", "~=1", "~=1.0+a", "==1.0rc1.*", "===", ">=1 <2", ">=1;x", "==1.0\xff", "^1"} {
		if set, err := wheel.ParseSpecifiers(in); err == nil {
			t.Errorf("%q was read as %q", in, set)
		}
	}
}

func TestSpecifiersFilter(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		specifier string
		versions  []string
		want      []string
	}{
		"finals hide pre-releases":       {">=1", []string{"1.0", "2.0rc1", "0.9"}, []string{"1.0"}},
		"pre-releases if there are none": {">=2", []string{"1.0", "2.1rc1"}, []string{"2.1rc1"}},
		"a clause names one":             {">=1.0rc1", []string{"1.0rc1", "1.0"}, []string{"1.0rc1", "1.0"}},
		"an exclusion opts in to none":   {"!=1.0rc1", []string{"1.0rc2", "1.0"}, []string{"1.0"}},
		"nothing matches":                {">=3", []string{"1.0"}, nil},
	} {
		set, err := wheel.ParseSpecifiers(row.specifier)
		if err != nil {
			t.Fatal(err)
		}
		var versions []wheel.Version
		for _, v := range row.versions {
			versions = append(versions, mustVersion(t, v))
		}
		var got []string
		for _, v := range set.Filter(versions) {
			got = append(got, v.String())
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}
