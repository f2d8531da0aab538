package gate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/gate"
)

// mixed is a revision with findings of every severity.
func mixed() row {
	return row{
		target: target(pythons("3.11", "3.12"), pin("torch", ">=2"), waive("closure", "b", "", now.Add(time.Hour))),
		files: []entry{
			pure("a-1", "zip>2"), pure("zip-1"), pure("b-1", "gone").onPython("<4"),
			vision("1", "torch", tensor, logger, library, "_ZN2at1aEv", "_ZN2at1bEv", "_ZN2at1cEv", "_ZN2at1dEv").onPython(">=3.12"), torch("2.11.0", tensor).onPython(">=3.12"),
		},
		change: func(in *gate.Input) {
			in.LiveDigest, in.Transition = digest.FromString("live"), "a | \x1b[31mnew torch"
		},
	}
}

// golden compares with a file of testdata, which UPDATE_GOLDEN=1 writes anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestForPeople(t *testing.T) {
	t.Parallel()
	report := mixed().run(t)
	var text, markdown strings.Builder
	if err := errors.Join(report.Text(&text), report.Markdown(&markdown)); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", text.String())
	golden(t, "report.md", markdown.String())
	data, err := report.Encode()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", string(data)+"\n")
}

func TestEqualInputsGiveEqualReports(t *testing.T) {
	t.Parallel()
	first, err := mixed().run(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := mixed().run(t).Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Fatalf("two runs differ:\n%s\n%s", first, again)
		}
	}
}

func TestFindingsAreCountedBeyondTheLimit(t *testing.T) {
	t.Parallel()
	var files []entry
	for i := range gate.MaxFindings + 10 {
		files = append(files, pure(fmt.Sprintf("p%d-1", i), "gone"))
	}
	report := row{target: target(mode("installable", "off")), files: files}.run(t)
	i := slices.IndexFunc(report.Gates, func(o gate.Outcome) bool { return o.Name == "closure" })
	if o := report.Gates[i]; o.Errors != gate.MaxFindings+10 || o.Omitted != 10 || len(report.Findings) != gate.MaxFindings {
		t.Errorf("got %+v and %d findings", o, len(report.Findings))
	}
	data, err := report.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gate.DecodeReport(data); err != nil {
		t.Error(err)
	}
}

func TestOneFindingForSeveralMembers(t *testing.T) {
	t.Parallel()
	legacy := func(member string) facts.Library {
		l := module(member)
		l.NumPy = facts.NumPyLegacy
		return l
	}
	report := row{target: target(), files: []entry{native("p-1").with(legacy("p/a.so"), legacy("p/b.so"), legacy("p/c.so")), native("q-1").with(legacy("q/a.so")), pure("numpy-2.2.6")}}.run(t)
	var got []string
	for _, f := range report.Findings {
		got = append(got, f.Project+" "+f.Member+": "+f.Message)
	}
	want := []string{
		"p p/a.so: was compiled with the headers of NumPy 1.x, and cannot be imported with numpy 2.2.6 (and 2 more of its members)",
		"q q/a.so: was compiled with the headers of NumPy 1.x, and cannot be imported with numpy 2.2.6",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReportsOfHostileWheelsStayWithinBounds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 1500)
	var files []entry
	for i := range 400 {
		var libraries []facts.Library
		for k := range 10 {
			l := module(fmt.Sprintf("p/%d_%d%s.so", i, k, long), "lib"+long+fmt.Sprint(k)+".so")
			l.Runpath, l.Stable, l.Python = []string{"/" + long + fmt.Sprint(k)}, true, []string{"_Py" + long + fmt.Sprint(k)}
			libraries = append(libraries, l)
		}
		files = append(files, native(fmt.Sprintf("p%d-1", i), "gone").with(libraries...))
	}
	report := row{target: target(), files: files}.run(t)
	data, err := report.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gate.DecodeReport(data); err != nil {
		t.Error(err)
	}
	t.Logf("%d findings, %d bytes", len(report.Findings), len(data))
	errorsListed := 0
	for _, f := range report.Findings {
		if f.Gate == "closure" && f.Severity == gate.Error {
			errorsListed++
		}
	}
	if errorsListed != 400 {
		t.Errorf("%d of 400 errors of the closure are listed", errorsListed)
	}
}

func TestDecodeReportRefuses(t *testing.T) {
	t.Parallel()
	good, err := mixed().run(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gate.DecodeReport(good); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"another format", `"format":1`, `"format":2`, "format 2"},
		{"a result that the findings do not give", `"result":"fail"`, `"result":"pass"`, `result "pass"`},
		{"a result that there is not", `"result":"fail"`, `"result":"maybe"`, `result "maybe"`},
		{"a gate left out", `"name":"numpy"`, `"name":"numpi"`, "the gates are not"},
		{"findings that are not counted", `{"errors":1,"mode":"error","name":"closure"`, `{"errors":0,"mode":"error","name":"closure"`, "lists more findings"},
		{"findings that are not listed", `{"errors":1,"mode":"error","name":"closure"`, `{"errors":2,"mode":"error","name":"closure"`, "omits 1 findings"},
		{"a severity that there is not", `"severity":"note"`, `"severity":"none"`, `severity "none"`},
		{"a rule that there is not", `"rule":"unmet"`, `"rule":"unmeT"`, `no rule "unmeT"`},
		{"findings out of order", `"rule":"unmet"`, `"rule":"extra"`, "not in order"},
		{"a mode that there is not", `"mode":"off"`, `"mode":"oof"`, `mode "oof"`},
		{"a time with a fraction", `"issued":"2026-11-25T12:00:00Z"`, `"issued":"2026-11-25T12:00:00.5Z"`, "whole seconds"},
		{"a live revision that is no digest", `"live":"sha256:`, `"live":"sha257:`, "live:"},
		{"an unknown member", `"format":1`, `"format":1,"formats":2`, "formats"},
		{"white space", `"format":1`, `"format": 1`, "canonical"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !bytes.Contains(good, []byte(tt.old)) {
				t.Fatalf("the report does not hold %s", tt.old)
			}
			_, err := gate.DecodeReport(bytes.Replace(good, []byte(tt.old), []byte(tt.new), 1))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error that says %q", err, tt.want)
			}
		})
	}
	if _, err := gate.DecodeReport(make([]byte, gate.MaxReport+1)); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("too long: got %v", err)
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	if _, err := gate.Run(t.Context(), gate.Input{}); err == nil {
		t.Error("no catalog: no error")
	}
	k := newKnown()
	c := k.catalog(t, 1, target(), []entry{pure("a-1")})
	why := errors.New("the operator went home")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := gate.Run(ctx, k.input(c)); !errors.Is(err, why) {
		t.Errorf("cancelled: got %v", err)
	}
}

func FuzzDecodeReport(f *testing.F) {
	seed, err := os.ReadFile(filepath.Join("testdata", "report.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.TrimSpace(seed))
	f.Add([]byte(`{"findings":[],"format":1,"gates":[],"index":"","issued":"2026-01-01T00:00:00Z","result":"pass","serial":0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := gate.DecodeReport(data)
		if err != nil {
			return
		}
		again, err := r.Encode()
		if err != nil || !bytes.Equal(data, again) {
			t.Errorf("decodes, but encodes to %s (%v)", again, err)
		}
		var text, markdown strings.Builder
		if err := errors.Join(r.Text(&text), r.Markdown(&markdown)); err != nil {
			t.Error(err)
		}
		if strings.ContainsRune(text.String(), '\x1b') {
			t.Error("the text steers terminals")
		}
	})
}

// TestNoTargetAnyMore wants the advice to be what helps: nobody wants a new
// series because an option was forgotten.
func TestNoTargetAnyMore(t *testing.T) {
	t.Parallel()
	report := row{before: target(), files: []entry{pure("a-1")}, live: []entry{pure("a-1")}}.run(t)
	if len(report.Findings) != 1 || !strings.HasPrefix(report.Findings[0].Fix, "give --target") {
		t.Errorf("got %+v", report.Findings)
	}
}

// TestExtraThatIsNotDeclared wants the warning to agree with the error: clients
// differ.
func TestExtraThatIsNotDeclared(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]string{`gone; extra == "x"`: "uv installs", `gone; extra == "y"`: "installers go on"} {
		report := row{target: target(), files: []entry{pure("a-1", "b[x]"), pure("b-1", lines)}}.run(t)
		if len(report.Findings) == 0 || !strings.Contains(report.Findings[0].Message, want) {
			t.Errorf("%s: got %+v, want %q", lines, report.Findings, want)
		}
	}
}
