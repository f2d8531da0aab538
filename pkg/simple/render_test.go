package simple_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pinwheel-oci/pinwheel/pkg/simple"
)

const (
	digestA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	digestC = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
)

func text(s string) *string { return &s }

// hostile is text that must not become markup anywhere.
const hostile = "</a><script>alert('x')</script>\" onclick=\"y\" & \x00\x1b\xff<!--"

func pages() map[string]simple.Project {
	wheel := simple.File{
		Filename: "demo-1.0-py3-none-any.whl", URL: "../../files/" + digestA + "/demo-1.0-py3-none-any.whl", SHA256: digestA, Size: 1234,
		RequiresPython: ">=3.9,<4", MetadataSHA256: digestB, UploadTime: time.Date(2026, 1, 2, 3, 4, 5, 600000000, time.FixedZone("", 3600)),
	}
	sdist := simple.File{Filename: "demo-0.9.tar.gz", URL: "../../files/" + digestC + "/demo-0.9.tar.gz", SHA256: digestC, Size: 99}
	yanked, silently := sdist, sdist
	yanked.Yanked, silently.Yanked = text("broken on <Tuesdays>"), text("")
	proven := wheel
	proven.Provenance = "https://index.example/p?a=1&b=2"
	evil := simple.File{
		Filename: hostile, URL: "../../files/" + digestA + "/x.whl", SHA256: digestA, Size: 1, RequiresPython: hostile, Yanked: text(hostile),
	}
	return map[string]simple.Project{
		"plain":       {Name: "demo", Serial: 7, Versions: []string{"0.9", "1.0"}, Files: []simple.File{sdist, wheel}},
		"empty":       {Name: "demo", Serial: 7},
		"yanked":      {Name: "demo", Serial: 7, Versions: []string{"0.9"}, Files: []simple.File{yanked, silently}},
		"provenance":  {Name: "demo", Serial: 7, Versions: []string{"1.0"}, Files: []simple.File{proven}},
		"archived":    {Name: "demo", Serial: 7, Status: simple.Status{Status: "archived", Reason: "use <other>"}, Versions: []string{"1.0"}, Files: []simple.File{wheel}},
		"quarantined": {Name: "demo", Serial: 7, Status: simple.Status{Status: "quarantined"}, Versions: []string{"1.0"}, Files: []simple.File{wheel}},
		"hostile":     {Name: hostile, Serial: 1, Status: simple.Status{Status: hostile, Reason: hostile}, Versions: []string{hostile}, Files: []simple.File{evil}},
	}
}

// golden compares the files of an archive, or rewrites it with UPDATE_GOLDEN=1.
func golden(t *testing.T, name string, got map[string][]byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".txtar")
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		a := &txtar.Archive{}
		for _, file := range []string{"page.json", "page.html"} {
			a.Files = append(a.Files, txtar.File{Name: file, Data: append(got[file], '\n')})
		}
		if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range a.Files {
		want[f.Name] = string(f.Data)
	}
	for file, data := range got {
		if diff := cmp.Diff(want[file], string(data)+"\n"); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", file, path, diff)
		}
	}
}

func TestProjectPages(t *testing.T) {
	t.Parallel()
	for name, p := range pages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name, map[string][]byte{"page.json": p.JSON(), "page.html": p.HTML()})
		})
	}
}

func TestListPages(t *testing.T) {
	t.Parallel()
	l := simple.List{Serial: 12, Projects: []simple.Listed{{Name: "demo", Serial: 7}, {Name: "zope-interface", Serial: 12}}}
	golden(t, "list", map[string][]byte{"page.json": l.JSON(), "page.html": l.HTML()})
	empty := simple.List{}
	if got, want := string(empty.JSON()), `{"meta":{"_last-serial":0,"api-version":"1.4"},"projects":[]}`; got != want {
		t.Errorf("empty list: %s, want %s", got, want)
	}
}

// uv refuses a page with one null in it, and old pips stumble over
// dist-info-metadata in JSON.
func TestJSONHasNoNullsAndNoOldNames(t *testing.T) {
	t.Parallel()
	for name, p := range pages() {
		data := p.JSON()
		if strings.Contains(string(data), ":null") || strings.Contains(string(data), "dist-info-metadata") {
			t.Errorf("%s: %s", name, data)
		}
		var v struct {
			Files    []map[string]any `json:"files"`
			Versions []string         `json:"versions"`
		}
		if err := json.Unmarshal(data, &v); err != nil || v.Versions == nil || v.Files == nil {
			t.Errorf("%s: %v in %s", name, err, data)
		}
		for _, f := range v.Files {
			if f["size"] == nil || f["hashes"] == nil || f["url"] == nil {
				t.Errorf("%s: mandatory member missing in %v", name, f)
			}
		}
	}
}

func TestHostileTextDoesNotBecomeMarkup(t *testing.T) {
	t.Parallel()
	p := pages()["hostile"]
	out := string(p.HTML())
	for _, bad := range []string{"<script", "onclick=\"", "\x00", "\x1b", "\xff", "<!--<"} {
		if strings.Contains(out, bad) {
			t.Errorf("%q in %s", bad, out)
		}
	}
	if n := strings.Count(out, "<a "); n != 1 {
		t.Errorf("%d links, want 1", n)
	}
}
