package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// check runs the command on files of one directory and returns what it prints.
func check(t *testing.T, format string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	p := &program{out: &out, err: &bytes.Buffer{}, now: time.Now}
	root := p.root()
	root.SetArgs(append([]string{"check", "--format", format}, args...))
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// badWheel breaks three rules; one member has a name that would spoil a
// terminal.
func badWheel(t *testing.T, dir string) string {
	t.Helper()
	return wheeltest.Write(t, dir, wheeltest.Wheel{
		Name: "bad", Metadata: "Metadata-Version: 2.4\nName: other\nVersion: 1.1\nRequires-Dist: a=b\n", Files: map[string]string{"bad/a.py": "1"},
	})
}

// TestSARIF holds the log to what SARIF 2.1.0 requires of each object that is
// in it, and to what the files are.
func TestSARIF(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := badWheel(t, dir)
	wheeltest.Write(t, dir, wheeltest.Wheel{Name: "fine"})
	odd := filepath.Join(dir, "fine-1.0-7-py3-none-any.whl")
	if err := os.Link(filepath.Join(dir, "fine-1.0-py3-none-any.whl"), odd); err != nil {
		t.Fatal(err)
	}
	out, err := check(t, "sarif", dir, filepath.Join(dir, "a b%"))
	if err == nil {
		t.Error("a bad wheel is no error")
	}
	var log map[string]any
	if err := json.Unmarshal([]byte(out), &log); err != nil {
		t.Fatal(err)
	}
	if log["version"] != "2.1.0" || log["$schema"] != sarifSchema {
		t.Errorf("version %v, schema %v", log["version"], log["$schema"])
	}
	run := log["runs"].([]any)[0].(map[string]any)
	driver := run["tool"].(map[string]any)["driver"].(map[string]any)
	rules := driver["rules"].([]any)
	if driver["name"] != "pinwheel" || driver["version"] == "" || len(rules) != len(wheel.Rules()) {
		t.Errorf("driver %v %v with %d rules", driver["name"], driver["version"], len(rules))
	}
	var got []string
	for _, r := range run["results"].([]any) {
		r := r.(map[string]any)
		rule := rules[int(r["ruleIndex"].(float64))].(map[string]any)
		if rule["id"] != r["ruleId"] || rule["shortDescription"].(map[string]any)["text"] == "" {
			t.Errorf("result of %v points to rule %v", r["ruleId"], rule)
		}
		text, place := r["message"].(map[string]any)["text"].(string), r["locations"].([]any)[0].(map[string]any)
		uri := place["physicalLocation"].(map[string]any)["artifactLocation"].(map[string]any)["uri"].(string)
		member := place["logicalLocations"].([]any)[0].(map[string]any)["fullyQualifiedName"].(string)
		if text == "" || !strings.HasPrefix(uri, "file:///") {
			t.Errorf("message %q at %q", text, uri)
		}
		got = append(got, strings.Join([]string{r["level"].(string), r["ruleId"].(string), filepath.Base(uri), member}, " "))
	}
	in := " " + filepath.Base(bad) + " bad-1.0.dist-info/METADATA"
	want := []string{
		"error name" + in, "error version" + in, "error requirement" + in,
		"warning build " + filepath.Base(odd) + " fine-1.0.dist-info/WHEEL",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	invocation := run["invocations"].([]any)[0].(map[string]any)
	notes := invocation["toolExecutionNotifications"].([]any)
	if invocation["executionSuccessful"] != false || len(notes) != 1 || !strings.Contains(out, "/a%20b%25\"") {
		t.Errorf("invocation %v", invocation)
	}
}

// TestSARIFOfNothing has results and rules all the same, as viewers want.
func TestSARIFOfNothing(t *testing.T) {
	t.Parallel()
	out, err := check(t, "sarif", wheeltest.Write(t, t.TempDir(), wheeltest.Wheel{}))
	if err != nil || !strings.Contains(out, `"results": []`) || !strings.Contains(out, `"executionSuccessful": true`) {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestCheckNamesAll has every refusal in text and JSON, under the path as given.
func TestCheckNamesAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := badWheel(t, dir)
	text, err := check(t, "text", bad)
	if err == nil || strings.Count(text, "BAD  "+bad+"  ") != 3 {
		t.Errorf("%v\n%s", err, text)
	}
	out, _ := check(t, "json", bad)
	var list []checked
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 || len(list[0].Refusals) != 3 || list[0].File != bad {
		t.Errorf("%v\n%s", err, out)
	}
	files, err := findFiles([]string{bad}, false)
	if err != nil {
		t.Fatal(err)
	}
	files[0].inspect(t.Context(), nil)
	var first *wheel.Error
	if !errors.As(files[0].err, &first) || first.File != bad {
		t.Errorf("the error is %v", files[0].err)
	}
}

// TestCheckKeepsTerminalsWhole has names with control characters.
func TestCheckKeepsTerminalsWhole(t *testing.T) {
	t.Parallel()
	path := wheeltest.Write(t, t.TempDir(), wheeltest.Wheel{Files: map[string]string{"demo/\x1b[2J\r.py": "1"}})
	for _, format := range []string{"text", "json", "sarif"} {
		if out, err := check(t, format, path); err == nil || strings.ContainsAny(out, "\x1b\r") {
			t.Errorf("%s: %v, %q", format, err, out)
		}
	}
}

// TestReadingProgress reads half of two files.
func TestReadingProgress(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := newReading(&out, func() time.Time { now = now.Add(progressEvery); return now }, []inspected{{size: 3 << 20}, {size: 1 << 20}})
	r := b.watch(strings.NewReader(strings.Repeat("x", 4<<20)))
	if n, err := r.ReadAt(make([]byte, 4<<20), 0); n != 4<<20 || err != nil {
		t.Fatal(n, err)
	}
	b.finished()
	b.clear()
	want := "\r\x1b[K0 of 2 files checked, 2.0 MiB of 4.0 MiB\r\x1b[K1 of 2 files checked, 2.0 MiB of 4.0 MiB\r\x1b[K"
	if out.String() != want {
		t.Errorf("it shows %q, want %q", out.String(), want)
	}
	var none *reading
	none.finished()
	none.clear()
}
