package shim_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
	"github.com/pinwheel-oci/pinwheel/shim"
	"github.com/pinwheel-oci/pinwheel/shim/source"
	"github.com/pinwheel-oci/pinwheel/test/shimtest"
)

// fixed is a source of catalogs that publishing does not make yet.
type fixed struct {
	revision atomic.Pointer[verify.Revision]
}

func (f *fixed) Revisions() (current, previous *verify.Revision) { return f.revision.Load(), nil }
func (f *fixed) Look(context.Context)                            {}
func (f *fixed) Status() source.Status                           { return source.Status{Name: shimtest.Name} }

func hexOf(s string) string { return digest.FromString(s).Encoded() }

func fileOf(filename, version string) index.File {
	return index.File{
		Filename: filename, Version: version, SHA256: hexOf(filename), Size: 10, PackageType: index.Wheel,
		Metadata: &index.Hash{SHA256: hexOf(filename + "m"), Size: 5}, Manifest: artifact.Blob{Digest: digest.FromString(filename), Size: 1},
	}
}

func revisionOf(c *index.Catalog, rules *policy.Index) *verify.Revision {
	r := &verify.Revision{Evidence: policy.Evidence{Digest: digest.FromString(fmt.Sprint(c.Serial)), Catalog: c}}
	r.Denied = rules.Denied(&r.Evidence)
	return r
}

func handlerOf(t *testing.T, revision *verify.Revision) http.Handler {
	t.Helper()
	f := &fixed{}
	f.revision.Store(revision)
	h, err := shim.New(shim.Options{Indexes: []shim.Index{{Name: shimtest.Name, Live: f, Blobs: shimtest.NewStore(registry.NewMemory())}}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func head(t *testing.T, h http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodHead, target, nil))
	return w
}

func body(t *testing.T, h http.Handler, target string) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
	return w.Body.String()
}

func TestFilesThatMayNotBeServed(t *testing.T) {
	t.Parallel()
	const linux, arm, gone, out = "demo-1.0-py3-none-linux_x86_64.whl", "demo-1.0-py3-none-linux_aarch64.whl", "demo-0.8-py3-none-any.whl", "demo-0.9-py3-none-any.whl"
	const bad, old = "bad-1.0-py3-none-any.whl", "bad-0.1-py3-none-any.whl"
	c := &index.Catalog{
		Product: "tools", Series: "3.4", Variant: "cpu-ubi9", Serial: 7,
		Projects: []index.Project{
			{Name: "bad", Changed: 7, Files: []index.File{fileOf(bad, "1.0")}, Status: &index.Status{Status: "quarantined", Reason: "looks stolen"}},
			{Name: "demo", Changed: 5, Files: []index.File{fileOf(out, "0.9"), fileOf(arm, "1.0"), fileOf(linux, "1.0")}},
		},
		Retired:   []index.RetiredFile{{File: fileOf(old, "0.1"), Since: 3}},
		Withdrawn: []index.Withdrawn{{Filename: gone, SHA256: hexOf(gone), Reason: "broken build", Since: 6}},
	}
	rules := shimtest.New(t, registry.NewMemory(), "vendor").Rules("deny: [{filename: " + out + ", reason: recalled}]")
	r := revisionOf(c, rules)
	r.Subset = &index.Subset{Platforms: []string{"linux_x86_64"}}
	h := handlerOf(t, r)
	for name, row := range map[string]struct {
		filename string
		status   int
		reason   string
	}{
		"listed":                      {linux, 200, ""},
		"not kept by the mirror":      {arm, 404, "neither listed nor retired"},
		"denied by the policy":        {out, 410, "denied by policy: recalled"},
		"withdrawn":                   {gone, 410, "withdrawn: broken build"},
		"of a quarantined project":    {bad, 403, "quarantined: looks stolen"},
		"retired, but of a bad name":  {old, 403, "quarantined"},
		"metadata of what is denied":  {out + ".metadata", 410, "recalled"},
		"metadata of what is allowed": {linux + ".metadata", 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			target := root + "/files/" + hexOf(strings.TrimSuffix(row.filename, ".metadata")) + "/" + row.filename
			if got := head(t, h, target).Code; got != row.status {
				t.Errorf("%d, want %d", got, row.status)
			}
			if got := body(t, h, target); row.reason != "" && !strings.Contains(got, row.reason) {
				t.Errorf("no %q in %s", row.reason, got)
			}
		})
	}
	page := body(t, h, root+"/simple/demo/?format=json")
	for filename, listed := range map[string]bool{linux: true, arm: false, out: false, gone: false} {
		if strings.Contains(page, filename) != listed {
			t.Errorf("%s on the page: %v, want %v", filename, !listed, listed)
		}
	}
	if !strings.Contains(page, `"versions":["1.0"]`) || !strings.Contains(page, `"_last-serial":5`) {
		t.Errorf("page %s", page)
	}
	if page := body(t, h, root+"/simple/bad/?format=json"); !strings.Contains(page, `"project-status":{"status":"quarantined","reason":"looks stolen"}`) || !strings.Contains(page, `"files":[]`) {
		t.Errorf("quarantined page %s", page)
	}
}

func TestVersionsAreInTheirOrder(t *testing.T) {
	t.Parallel()
	c := &index.Catalog{Serial: 1, Projects: []index.Project{{Name: "demo", Changed: 1}}}
	for _, v := range []string{"1.10", "1.2", "1.2rc1", "1!0.1", "1.2+cpu"} {
		c.Projects[0].Files = append(c.Projects[0].Files, fileOf("demo-"+v+"-py3-none-any.whl", v), fileOf("demo-"+v+"-py2-none-any.whl", v))
	}
	page := body(t, handlerOf(t, revisionOf(c, &policy.Index{})), root+"/simple/demo/?format=json")
	if want := `"versions":["1.2rc1","1.2","1.2+cpu","1.10","1!0.1"]`; !strings.Contains(page, want) {
		t.Errorf("no %s in %s", want, page)
	}
}

// serialOf is a revision in which everything says its serial.
func serialOf(serial uint64) *verify.Revision {
	c := &index.Catalog{Product: "tools", Series: "3.4", Variant: "cpu-ubi9", Serial: serial}
	for _, name := range []string{"alpha", "beta"} {
		version := fmt.Sprint(serial)
		c.Projects = append(c.Projects, index.Project{Name: name, Changed: serial, Files: []index.File{fileOf(name+"-"+version+"-py3-none-any.whl", version)}})
	}
	return revisionOf(c, &policy.Index{})
}

// However a revision moves, no answer is a mixture: header, body and tag belong
// together.
func TestRequestsNeverSeeTwoRevisions(t *testing.T) {
	t.Parallel()
	f := &fixed{}
	f.revision.Store(serialOf(1))
	h, err := shim.New(shim.Options{Indexes: []shim.Index{{Name: shimtest.Name, Live: f, Blobs: registry.NewMemory()}}})
	if err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var asked atomic.Int64
	var group sync.WaitGroup
	var tags sync.Map
	for i := range 4 {
		group.Go(func() {
			for n := i; !stop.Load(); n++ {
				checkOneRevision(t, h, n, &tags)
				asked.Add(1)
			}
		})
	}
	for serial := uint64(2); serial < 200; serial++ {
		f.revision.Store(serialOf(serial))
		for until := asked.Load() + 6; asked.Load() < until; {
			runtime.Gosched()
		}
	}
	stop.Store(true)
	group.Wait()
}

func checkOneRevision(t *testing.T, h http.Handler, n int, tags *sync.Map) {
	target := []string{root + "/simple/", root + "/simple/alpha/", root + "/simple/beta/"}[n%3] + []string{"", "?format=json"}[n%2]
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, target, nil))
	serial := w.Header().Get("X-PyPI-Last-Serial")
	page := w.Body.String()
	want := []string{"SERIAL " + serial + "-", `"_last-serial":` + serial + ","}[n%2]
	if n%3 > 0 {
		want = "-" + serial + "-py3"
	}
	if w.Code != 200 || !strings.Contains(page, want) {
		t.Errorf("%s: %d, serial %s, %s", target, w.Code, serial, page)
	}
	if other, _ := tags.LoadOrStore(w.Header().Get("ETag"), page); other != page {
		t.Errorf("%s: one tag for two pages", target)
	}
}

func TestDeniedProjectAfterARealPublication(t *testing.T) {
	t.Parallel()
	s := newSite(t, registry.NewMemory(), "deny: [{project: zope-interface, reason: not for us}]")
	s.PublishLive(demo1, zope)
	s.poll(t)
	if w := s.get(t, root+fileURL(t, zope)); w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "not for us") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if page := s.get(t, root+"/simple/zope-interface/").Body.String(); strings.Contains(page, "<a ") {
		t.Errorf("page %s", page)
	}
	if w := s.get(t, root+fileURL(t, demo1)); w.Code != http.StatusOK {
		t.Errorf("another project: %d", w.Code)
	}
}
