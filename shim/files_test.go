package shim_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/shimtest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// big is a wheel of several chunks.
func big() wheeltest.Wheel {
	r := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 700<<10)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return wheeltest.Wheel{Name: "big", Files: map[string]string{"big/data.bin": string(data)}}
}

func layout(t *testing.T) registry.Store {
	t.Helper()
	store, err := registry.Open(t.Context(), registry.Reference{Kind: registry.KindLayout, Dir: filepath.Join(t.TempDir(), "layout")}, registry.Options{CreateLayout: true})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// stores are one that gives files and one that does not.
func stores(t *testing.T) map[string]registry.Store {
	t.Helper()
	return map[string]registry.Store{"layout": layout(t), "memory": registry.NewMemory()}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	w := big()
	data := wheeltest.Build(t, w)
	size := int64(len(data))
	tag := `"sha256:` + sum(data) + `"`
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	below := stores(t)
	for _, store := range below {
		shimtest.New(t, store, "vendor").PublishLive(w)
	}
	for name, row := range map[string]struct {
		headers []string
		status  int
		from    int64
		to      int64 // exclusive
	}{
		"no range":                      {nil, 200, 0, size},
		"the beginning":                 {[]string{"Range", "bytes=0-99"}, 206, 0, 100},
		"one byte":                      {[]string{"Range", "bytes=7-7"}, 206, 7, 8},
		"the middle, over chunks":       {[]string{"Range", "bytes=131000-400000"}, 206, 131000, 400001},
		"open":                          {[]string{"Range", "bytes=" + number(size-10) + "-"}, 206, size - 10, size},
		"suffix":                        {[]string{"Range", "bytes=-16"}, 206, size - 16, size},
		"a suffix longer than the file": {[]string{"Range", "bytes=-99999999"}, 206, 0, size},
		"an end beyond the file":        {[]string{"Range", "bytes=100-99999999999999999999999"}, 206, 100, size},
		"all of it":                     {[]string{"Range", "bytes=0-"}, 206, 0, size},
		"capitals and blanks":           {[]string{"Range", "Bytes = 1-2"}, 206, 1, 3},
		"a start beyond the file":       {[]string{"Range", "bytes=" + number(size) + "-"}, 416, 0, 0},
		"a huge start":                  {[]string{"Range", "bytes=99999999999999999999999-"}, 416, 0, 0},
		"an empty suffix":               {[]string{"Range", "bytes=-0"}, 416, 0, 0},
		"several ranges":                {[]string{"Range", "bytes=0-1,5-6"}, 200, 0, size},
		"backwards":                     {[]string{"Range", "bytes=9-3"}, 200, 0, size},
		"another unit":                  {[]string{"Range", "lines=0-1"}, 200, 0, size},
		"negative":                      {[]string{"Range", "bytes=--5"}, 200, 0, size},
		"no numbers":                    {[]string{"Range", "bytes=-"}, 200, 0, size},
		"two headers":                   {[]string{"Range", "bytes=0-1", "Range", "bytes=3-4"}, 200, 0, size},
		"If-Range of this file":         {[]string{"Range", "bytes=5-9", "If-Range", tag}, 206, 5, 10},
		"If-Range of another file":      {[]string{"Range", "bytes=5-9", "If-Range", `"sha256:other"`}, 200, 0, size},
		"If-Range of a weak tag":        {[]string{"Range", "bytes=5-9", "If-Range", "W/" + tag}, 200, 0, size},
		"If-Range of a date":            {[]string{"Range", "bytes=5-9", "If-Range", "Sun, 01 Mar 2026 12:00:00 GMT"}, 200, 0, size},
		"the client has it":             {[]string{"Range", "bytes=5-9", "If-None-Match", tag}, 304, 0, 0},
	} {
		for kind, store := range below {
			for _, warm := range []string{"cold", "warm"} {
				t.Run(name+"/"+kind+"/"+warm, func(t *testing.T) {
					t.Parallel()
					s := newSite(t, store)
					s.Clock.Add(time.Minute)
					s.poll(t)
					if warm == "warm" {
						s.get(t, root+fileURL(t, w))
					}
					got := s.get(t, root+fileURL(t, w), row.headers...)
					h := got.Header()
					if got.Code != row.status || h.Get("Content-Encoding") != "" || h.Get("ETag") != tag && row.status != 416 {
						t.Fatalf("%d %v, want %d", got.Code, h, row.status)
					}
					contentRange := ""
					switch row.status {
					case 206:
						contentRange = "bytes " + number(row.from) + "-" + number(row.to-1) + "/" + number(size)
					case 416:
						contentRange = "bytes */" + number(size)
					}
					if h.Get("Content-Range") != contentRange {
						t.Errorf("Content-Range %q, want %q", h.Get("Content-Range"), contentRange)
					}
					if row.status == 416 || row.status == 304 {
						return
					}
					if !bytes.Equal(got.Body.Bytes(), data[row.from:row.to]) || h.Get("Content-Length") != number(row.to-row.from) || h.Get("Accept-Ranges") != "bytes" {
						t.Errorf("%d bytes, %v, want %d", got.Body.Len(), h, row.to-row.from)
					}
				})
			}
		}
	}
}

// Sizes are in the catalog: HEAD, and what the client has, cost no request.
func TestHeadFetchesNothing(t *testing.T) {
	t.Parallel()
	s := published(t)
	data := wheeltest.Build(t, demo2)
	w := s.ask(t, http.MethodHead, root+fileURL(t, demo2), "Range", "bytes=0-9")
	if w.Code != 200 || w.Header().Get("Content-Length") != strconv.Itoa(len(data)) || w.Header().Get("Accept-Ranges") != "bytes" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	s.ask(t, http.MethodHead, root+fileURL(t, demo2)+".metadata")
	s.get(t, root+fileURL(t, demo2), "If-None-Match", w.Header().Get("ETag"))
	if got := s.store.Fetched(digest.FromBytes(data)) + s.store.Fetched(digest.FromString(demo2.METADATA())); got != 0 {
		t.Errorf("%d blobs were fetched", got)
	}
}

// A range of a blob in a registry costs reading it whole, however often: that it
// was right once says nothing about the next answer.
func TestRangesOfRemoteBlobs(t *testing.T) {
	t.Parallel()
	s := newSite(t, registry.NewMemory())
	w := big()
	s.PublishLive(w)
	s.poll(t)
	d := digest.FromBytes(wheeltest.Build(t, w))
	var read counter
	s.store.Damage(d, read.count)
	s.get(t, root+fileURL(t, w), "Range", "bytes=0-9")
	if got := int(read); got < 700<<10 {
		t.Errorf("%d bytes were read of a blob that nobody had hashed", got)
	}
	s.store.Damage(d, func(rc io.ReadCloser) io.ReadCloser {
		rc.Close()
		return io.NopCloser(bytes.NewReader(make([]byte, 1<<20)))
	})
	if w := s.ask(t, http.MethodGet, root+fileURL(t, w), "Range", "bytes=-10"); w.Code == http.StatusPartialContent {
		t.Errorf("a part of the wrong content was served: %d", w.Code)
	}
}

type counter int

func (c *counter) count(rc io.ReadCloser) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(rc, c), rc}
}

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// download gets a file over a real connection.
func download(t *testing.T, s *site, target string, headers ...string) (status int, body []byte, err error) {
	t.Helper()
	server := httptest.NewServer(s.handler)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := server.Client().Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// Whatever a store does to a blob, no client gets a complete file that is wrong.
func TestDamagedBlobs(t *testing.T) {
	t.Parallel()
	w := big()
	data := wheeltest.Build(t, w)
	size := int64(len(data))
	d := digest.FromBytes(data)
	for name, change := range map[string]func(io.ReadCloser) io.ReadCloser{
		"a wrong first byte": shimtest.WrongByte(0),
		"a wrong last byte":  shimtest.WrongByte(size - 1),
		"truncated":          shimtest.Truncated(size - 1),
		"empty":              shimtest.Truncated(0),
		"broken off":         func(rc io.ReadCloser) io.ReadCloser { return brokenAfter(rc, 300<<10) },
		"longer": func(rc io.ReadCloser) io.ReadCloser {
			return struct {
				io.Reader
				io.Closer
			}{io.MultiReader(rc, strings.NewReader("x")), rc}
		},
	} {
		for part, headers := range map[string][]string{"whole": nil, "a range": {"Range", "bytes=0-399999"}, "the end": {"Range", "bytes=-10"}} {
			t.Run(name+"/"+part, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, registry.NewMemory())
				s.PublishLive(w)
				s.poll(t)
				s.store.Damage(d, change)
				for range 2 { // the second time must not find it proven
					status, body, err := download(t, s, root+fileURL(t, w), headers...)
					if err == nil && status < 500 {
						t.Errorf("%d with %d bytes, and no error", status, len(body))
					}
				}
				s.store.Damage(d, nil)
				if _, body, err := download(t, s, root+fileURL(t, w)); err != nil || !bytes.Equal(body, data) {
					t.Errorf("after the repair: %d bytes, %v", len(body), err)
				}
			})
		}
	}
}

func brokenAfter(rc io.ReadCloser, n int64) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(rc, n), failing{}), rc}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// What fits into one chunk is known to be wrong before anything is sent.
func TestDamagedMetadataIsAnError(t *testing.T) {
	t.Parallel()
	s := published(t)
	d := digest.FromString(demo2.METADATA())
	s.store.Damage(d, shimtest.WrongByte(3))
	w := s.get(t, root+fileURL(t, demo2)+".metadata")
	if w.Code != http.StatusBadGateway || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("ETag") != "" || !strings.Contains(w.Body.String(), "wrong-digest") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	s.store.Damage(d, nil)
	s.store.Fail(errors.New("no route to host"))
	w = s.get(t, root+fileURL(t, demo2)+".metadata", "Range", "bytes=0-1")
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Header().Get("Content-Range") != "" || strings.Contains(w.Body.String(), "route") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

// A layout's file is hashed once, and again when it is another file or was
// written to.
func TestChangedFilesOfLayouts(t *testing.T) {
	t.Parallel()
	store := layout(t)
	s := newSite(t, store)
	w := big()
	data := wheeltest.Build(t, w)
	s.PublishLive(w)
	s.poll(t)
	for range 2 {
		if _, body, err := download(t, s, root+fileURL(t, w)); err != nil || !bytes.Equal(body, data) {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
	}
	path := blobPath(t, store, digest.FromBytes(data))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	wrong := bytes.Clone(data)
	wrong[5] ^= 1
	if err := os.WriteFile(path, wrong, 0o644); err != nil {
		t.Fatal(err)
	}
	changed := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, changed, changed); err != nil {
		t.Fatal(err)
	}
	for _, headers := range [][]string{nil, {"Range", "bytes=100-200"}} {
		status, body, err := download(t, s, root+fileURL(t, w), headers...)
		if err == nil && status < 500 {
			t.Errorf("%v: %d with %d bytes of a changed file", headers, status, len(body))
		}
	}
	// Replaced by the right bytes again.
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if status, body, err := download(t, s, root+fileURL(t, w), "Range", "bytes=100-200"); err != nil || status != 206 || !bytes.Equal(body, data[100:201]) {
		t.Errorf("after the repair: %d, %d bytes, %v", status, len(body), err)
	}
}

func blobPath(t *testing.T, store registry.Store, d digest.Digest) string {
	t.Helper()
	desc, err := store.Resolve(t.Context(), shimtest.Name.LiveTag())
	if err != nil {
		t.Fatal(err)
	}
	rc, err := store.Fetch(t.Context(), desc)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	file, ok := rc.(*os.File)
	if !ok {
		t.Fatalf("a layout gives a %T", rc)
	}
	return filepath.Join(filepath.Dir(file.Name()), d.Encoded())
}

// Replicas may be a moment ahead: a file that is not known makes the shim look
// once before it says no.
func TestUnknownFileMakesTheShimLook(t *testing.T) {
	t.Parallel()
	s := newSite(t, registry.NewMemory())
	s.PublishLive(demo1)
	s.poll(t)
	s.PublishLive(demo2)
	if w := s.get(t, root+fileURL(t, demo2)); w.Code != http.StatusOK {
		t.Errorf("a file of the revision that has just gone live: %d %s", w.Code, w.Body)
	}
	looks := s.store.Looks()
	for range 20 {
		if w := s.get(t, root+absent); w.Code != http.StatusNotFound {
			t.Errorf("a file that is not there: %d", w.Code)
		}
	}
	if got := s.store.Looks() - looks; got > 3 {
		t.Errorf("%d looks for what is not there", got)
	}
}

// What is only under test may have readers of its own.
func TestCandidatesFilesAreBelowTheCandidateOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, registry.NewMemory())
	s.PublishLive(demo1)
	s.Publish(demo2)
	s.poll(t)
	for target, want := range map[string]int{root: 404, root + "-test": 200} {
		if w := s.get(t, target+fileURL(t, demo2)); w.Code != want {
			t.Errorf("%s: %d, want %d", target, w.Code, want)
		}
	}
}

func TestFilesOfThePreviousRevisionStay(t *testing.T) {
	t.Parallel()
	s := newSite(t, registry.NewMemory())
	s.Publish(demo1)
	s.pollCandidate(t)
	s.Replace(demo2)
	s.pollCandidate(t)
	// Nothing of the candidate was ever live, so nothing is retired.
	if w := s.get(t, root+"-test"+fileURL(t, demo1)); w.Code != http.StatusOK {
		t.Errorf("a file of the previous revision: %d", w.Code)
	}
	s.Publish(zope)
	s.pollCandidate(t)
	if w := s.get(t, root+"-test"+fileURL(t, demo1)); w.Code != http.StatusNotFound {
		t.Errorf("a file of the revision before that: %d", w.Code)
	}
}

// pollCandidate looks at the candidate only.
func (s *site) pollCandidate(t *testing.T) {
	t.Helper()
	if err := s.candidate.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
}
