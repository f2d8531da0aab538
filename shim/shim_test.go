package shim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/shim"
	"github.com/pinwheel-oci/pinwheel/test/shimtest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	s := published(t)
	live, previous := s.live.Revisions()
	pinned := root + "/-/sha256-" + live.Digest.Encoded()
	earlier := root + "/-/sha256-" + previous.Digest.Encoded()
	const problem = "application/problem+json"
	const file = "application/octet-stream"
	const html = "text/html; charset=utf-8"
	for name, row := range map[string]struct {
		target  string
		accept  string
		status  int
		content string
		cache   string
		body    string // is in it
	}{
		"list as HTML":                     {root + "/simple/", "", 200, html, "max-age=60", `<a href="zope-interface/">`},
		"list as JSON":                     {root + "/simple/", v1JSON, 200, v1JSON, "max-age=60", `"projects":[{"_last-serial":2,"name":"demo"},{"_last-serial":2,"name":"zope-interface"}]`},
		"list as versioned HTML":           {root + "/simple/", v1HTML, 200, v1HTML, "max-age=60", `pypi:repository-version`},
		"project as HTML":                  {root + "/simple/demo/", "", 200, html, "max-age=60", "../.." + fileURL(t, demo2) + "#sha256="},
		"project as JSON":                  {root + "/simple/demo/", v1JSON, 200, v1JSON, "max-age=60", `"versions":["1.10"]`},
		"project by query":                 {root + "/simple/demo/?format=json", "", 200, v1JSON, "max-age=60", `"name":"demo"`},
		"a query beats Accept":             {root + "/simple/demo/?format=html", v1JSON, 200, html, "max-age=60", `<a href`},
		"nothing acceptable":               {root + "/simple/demo/", "application/json", 406, problem, "no-cache", "ask for one of them in Accept"},
		"an unknown format":                {root + "/simple/demo/?format=xml", v1JSON, 406, problem, "no-cache", "?format=json"},
		"a project that is not there":      {root + "/simple/numpy/", "", 404, problem, "no-cache", "has no project \\\"numpy\\\""},
		"a name that is none":              {root + "/simple/-x-/", "", 404, problem, "no-cache", "not the name of a project"},
		"a name of blanks without slash":   {root + "/simple/%20", "", 404, problem, "no-cache", "not the name of a project"},
		"an index that is not there":       {"/tools/3.4/other/simple/", "", 404, problem, "no-cache", "no index at /tools/3.4/other"},
		"an index that is not there, file": {"/tools/3.4/other" + absent, "", 404, problem, "no-cache", "no index at"},
		"nothing there":                    {"/what", "", 404, problem, "no-cache", "/PRODUCT/SERIES/VARIANT/simple/"},
		"empty path elements":              {"/tools//3.4/cpu-ubi9/simple/", "", 404, problem, "no-cache", "nothing at"},
		"a dotted path":                    {"/tools/3.4/../../etc/passwd", "", 404, problem, "no-cache", ""},
		"pinned list":                      {pinned + "/simple/", "", 200, html, forever, "zope-interface"},
		"pinned project":                   {pinned + "/simple/demo/", v1JSON, 200, v1JSON, forever, `"versions":["1.10"]`},
		"pinned to the one before":         {earlier + "/simple/demo/", v1JSON, 200, v1JSON, forever, `"versions":["1.0"]`},
		"pinned file":                      {pinned + fileURL(t, demo2), "", 200, file, forever, ""},
		"pinned to what nobody named":      {root + "/-/sha256-" + strings.Repeat("0", 64) + "/simple/", "", 404, problem, "no-cache", "not-named"},
		"pinned to no digest":              {root + "/-/sha256-00/simple/", "", 404, problem, "no-cache", ""},
		"pins below the candidate":         {root + "-test/-/sha256-" + live.Digest.Encoded() + "/simple/", "", 404, problem, "no-cache", "not served one by one"},
		"candidate":                        {root + "-test/simple/", "", 200, html, "max-age=60", "zope-interface"},
		"file":                             {root + fileURL(t, demo2), "", 200, file, forever, "PK"},
		"file with a plus":                 {root + fileURL(t, zope), "", 200, file, forever, "PK"},
		"file with an escaped plus":        {root + strings.ReplaceAll(fileURL(t, zope), "+", "%2B"), "", 200, file, forever, "PK"},
		"retired file":                     {root + fileURL(t, demo1), "", 200, file, forever, "PK"},
		"file below the candidate":         {root + "-test" + fileURL(t, demo1), "", 200, file, forever, "PK"},
		"metadata":                         {root + fileURL(t, demo2) + ".metadata", "", 200, file, forever, "Metadata-Version: 2.4\nName: demo\nVersion: 1.10\n"},
		"retired metadata":                 {root + fileURL(t, demo1) + ".metadata", "", 200, file, forever, "Requires-Python: >=3.9"},
		"a file that is not there":         {root + absent, "", 404, problem, "no-cache", "neither listed nor retired"},
		"the right hash, another name":     {root + "/files/" + sum(wheeltest.Build(t, demo2)) + "/" + demo1.Filename(), "", 404, problem, "no-cache", "neither listed nor retired"},
		"a hash in capitals":               {root + strings.ToUpper(fileURL(t, demo2)), "", 404, problem, "no-cache", ""},
		"latest":                           {root + "/-/latest", "", 200, "application/json", "max-age=60", `"name":"tools/3.4/cpu-ubi9","stage":"live","revision":"` + string(live.Digest) + `","serial":2,"sequence":2`},
		"latest candidate":                 {root + "-test/-/latest", "", 200, "application/json", "max-age=60", `"stage":"candidate"`},
		"livez":                            {"/livez", "", 200, "application/json", "no-store", `{"live":true}`},
		"readyz":                           {"/readyz", "", 200, "application/json", "no-store", `{"ready":true,"indexes":[{"ready":true,"root":"/tools/3.4/cpu-ubi9/"`},
		"landing page":                     {"/", "", 200, "text/plain; charset=utf-8", "no-cache", "pip install --index-url http://example.com/tools/3.4/cpu-ubi9/simple/ PACKAGE"},
		"landing page in a browser":        {"/", "text/html", 200, html, "no-cache", "<code>" + string(live.Digest) + "</code>"},
	} {
		t.Run(name, func(t *testing.T) {
			var headers []string
			if row.accept != "" {
				headers = []string{"Accept", row.accept}
			}
			w := s.get(t, row.target, headers...)
			if w.Code != row.status || w.Header().Get("Content-Type") != row.content || w.Header().Get("Cache-Control") != row.cache {
				t.Errorf("%s: %d, %q, %q, want %d, %q, %q", row.target, w.Code, w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"), row.status, row.content, row.cache)
			}
			if !strings.Contains(w.Body.String(), row.body) {
				t.Errorf("%s: no %q in %s", row.target, row.body, w.Body)
			}
			if row.status == 200 && strings.Contains(row.target, "/simple/") {
				if got := w.Header().Get("Vary"); got != "Accept, Accept-Encoding" {
					t.Errorf("Vary %q", got)
				}
				if w.Header().Get("ETag") == "" || w.Header().Get("X-PyPI-Last-Serial") == "" {
					t.Errorf("headers %v", w.Header())
				}
			}
			head := s.ask(t, http.MethodHead, row.target, headers...)
			if head.Code != row.status || head.Body.Len() != 0 || head.Header().Get("Content-Length") != w.Header().Get("Content-Length") ||
				head.Header().Get("ETag") != w.Header().Get("ETag") {
				t.Errorf("HEAD: %d with %d bytes of body and %v", head.Code, head.Body.Len(), head.Header())
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	s := published(t)
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	current, _ := s.live.Revisions()
	pinned := root + "/-/sha256-" + current.Digest.Encoded()
	for from, to := range map[string]string{
		root:                                      root + "/simple/",
		root + "/":                                root + "/simple/",
		root + "/simple":                          root + "/simple/",
		root + "/simple?format=json":              root + "/simple/?format=json",
		root + "/simple/demo":                     root + "/simple/demo/",
		root + "/simple/Zope.Interface":           root + "/simple/zope-interface/",
		root + "/simple/zope__Interface/":         root + "/simple/zope-interface/",
		root + "/simple/Demo/?format=json&x=a%2F": root + "/simple/demo/?format=json&x=a%2F",
		pinned:                  pinned + "/simple/",
		pinned + "/simple":      pinned + "/simple/",
		pinned + "/simple/DEMO": pinned + "/simple/demo/",
	} {
		resp, err := client.Get(server.URL + from)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		location, err := resp.Location()
		if err != nil || resp.StatusCode != http.StatusTemporaryRedirect || location.RequestURI() != to {
			t.Errorf("%s: %d to %v (%v), want 307 to %s", from, resp.StatusCode, location, err, to)
		}
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	t.Parallel()
	s := published(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "PROPFIND"} {
		w := s.ask(t, method, root+"/simple/")
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" || !strings.Contains(w.Body.String(), "pinwheel publish") {
			t.Errorf("%s: %d %v %s", method, w.Code, w.Header(), w.Body)
		}
	}
}

// unpack undoes a content coding.
func unpack(t *testing.T, coding string, body []byte) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Each representation in each encoding has a tag of its own, and a client that
// sends one back is told that nothing changed.
func TestEncodingsAndTags(t *testing.T) {
	t.Parallel()
	s := published(t)
	tags := map[string]string{}
	for _, accept := range []string{"text/html", v1HTML, v1JSON} {
		plain := s.get(t, root+"/simple/demo/", "Accept", accept).Body.Bytes()
		for _, coding := range []string{"", "gzip", "zstd"} {
			w := s.get(t, root+"/simple/demo/", "Accept", accept, "Accept-Encoding", coding)
			if got := w.Header().Get("Content-Encoding"); got != coding {
				t.Errorf("%s: Content-Encoding %q, want %q", accept, got, coding)
			}
			if !bytes.Equal(unpack(t, coding, w.Body.Bytes()), plain) {
				t.Errorf("%s in %q is another page", accept, coding)
			}
			tag := w.Header().Get("ETag")
			if other, taken := tags[tag]; taken || !strings.HasPrefix(tag, `"`) {
				t.Errorf("%s in %q has the tag %s, as %s", accept, coding, tag, other)
			}
			tags[tag] = accept + " in " + coding
			for _, value := range []string{tag, `"other", ` + tag, "W/" + tag, "*"} {
				again := s.get(t, root+"/simple/demo/", "Accept", accept, "Accept-Encoding", coding, "If-None-Match", value)
				h := again.Header()
				if again.Code != http.StatusNotModified || again.Body.Len() > 0 || h.Get("ETag") != tag || h.Get("Cache-Control") != "max-age=60" ||
					h.Get("Vary") != "Accept, Accept-Encoding" || h.Get("Content-Type") != "" {
					t.Errorf("If-None-Match %s: %d %v", value, again.Code, h)
				}
			}
			if again := s.get(t, root+"/simple/demo/", "Accept", accept, "Accept-Encoding", coding, "If-None-Match", `"other"`); again.Code != 200 {
				t.Errorf("If-None-Match of another tag: %d", again.Code)
			}
		}
	}
}

func TestAcceptEncoding(t *testing.T) {
	t.Parallel()
	s := published(t)
	for header, want := range map[string]string{
		"gzip, deflate":              "gzip",
		"gzip, deflate, zstd":        "zstd",
		"gzip;q=1.0, zstd;q=0.5":     "gzip",
		"GZIP":                       "gzip",
		"*":                          "zstd",
		"*;q=0.1, zstd;q=0":          "gzip",
		"identity":                   "",
		"identity;q=1, gzip;q=0.5":   "",
		"br, deflate":                "",
		"gzip;q=0":                   "",
		"identity;q=0":               "",
		"gzip;q=nonsense, zstd; q=1": "zstd",
		", ,":                        "",
	} {
		if got := s.get(t, root+"/simple/demo/", "Accept-Encoding", header).Header().Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: %q, want %q", header, got, want)
		}
	}
}

func TestNotReady(t *testing.T) {
	t.Parallel()
	s := newSite(t, registry.NewMemory())
	check := func(detail, code string) {
		t.Helper()
		for _, target := range []string{"/simple/", "/simple/demo/", "/-/latest", absent} {
			w := s.get(t, root+target)
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" || !strings.Contains(w.Body.String(), detail) {
				t.Errorf("%s: %d %v %s", target, w.Code, w.Header(), w.Body)
			}
		}
		w := s.get(t, "/readyz")
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `{"ready":false`) || !strings.Contains(w.Body.String(), code) {
			t.Errorf("/readyz: %d %s", w.Code, w.Body)
		}
		if w := s.get(t, "/livez"); w.Code != http.StatusOK {
			t.Errorf("/livez: %d", w.Code)
		}
	}
	check("not been verified yet", "")
	_ = s.live.Poll(t.Context())
	check("head-missing", `"refusal":{"code":"head-missing"`)
	s.PublishLive(demo1)
	s.poll(t)
	if w := s.get(t, root+"/simple/"); w.Code != http.StatusOK {
		t.Errorf("after publishing: %d", w.Code)
	}
}

func TestStaleIndexStops(t *testing.T) {
	t.Parallel()
	s := newSite(t, registry.NewMemory(), "onStale: stop")
	s.PublishLive(demo1)
	s.poll(t)
	s.Clock.Add(9 * 24 * time.Hour)
	w := s.get(t, root+"/simple/")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "stopped being fresh at 2026-03-09") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.get(t, root+fileURL(t, demo1)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("file: %d", w.Code)
	}
	if w := s.get(t, "/readyz"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"stale":true`) {
		t.Errorf("/readyz: %d %s", w.Code, w.Body)
	}
}

// The last good revision stays served, and /readyz says why not a newer one.
func TestReadyzSaysWhyNotNewer(t *testing.T) {
	t.Parallel()
	s := published(t)
	foreign := registry.NewMemory()
	shimtest.New(t, foreign, "mallory").PublishLive(demo1)
	s.store.Exchange(foreign)
	if err := s.live.Poll(t.Context()); err == nil {
		t.Fatal("a foreign head was accepted")
	}
	w := s.get(t, "/readyz")
	var got struct {
		Ready   bool
		Indexes []struct {
			Ready    bool
			Revision string
			Refusal  struct{ Code, Detail string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	current, _ := s.live.Revisions()
	if w.Code != 200 || !got.Ready || got.Indexes[0].Revision != string(current.Digest) || got.Indexes[0].Refusal.Code != "head-signature" || got.Indexes[0].Refusal.Detail == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.get(t, root+"/simple/demo/"); w.Code != 200 || !strings.Contains(w.Body.String(), "demo-1.10") {
		t.Errorf("page: %d %s", w.Code, w.Body)
	}
}

func TestTwoIndexesOfOneNameAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := shim.New(shim.Options{Indexes: []shim.Index{{Name: shimtest.Name}, {Name: shimtest.Name}}}); err == nil {
		t.Error("no error")
	}
}
