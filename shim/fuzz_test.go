package shim_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/shim"
	"github.com/pinwheel-oci/pinwheel/test/shimtest"
)

func fuzzed(f *testing.F, store registry.Store, file index.File) http.Handler {
	f.Helper()
	c := &index.Catalog{Serial: 1, Projects: []index.Project{{Name: "demo", Changed: 1, Files: []index.File{file}}}}
	source := &fixed{}
	source.revision.Store(revisionOf(c, &policy.Index{}))
	h, err := shim.New(shim.Options{Indexes: []shim.Index{{Name: shimtest.Name, Live: source, Blobs: store}}})
	if err != nil {
		f.Fatal(err)
	}
	return h
}

// FuzzRequest: no path, query or header makes the shim fail, and every refusal
// is a problem that says so.
func FuzzRequest(f *testing.F) {
	file := "/files/" + hexOf("demo-1-py3-none-any.whl") + "/demo-1-py3-none-any.whl"
	for _, path := range []string{
		"", "/", "/simple", "/simple/", "/simple/demo", "/simple/DEMO/", "/simple/%00/", "/simple//", "/-/latest", "/-/sha256-/simple/", file, file + ".metadata", file + "/..",
	} {
		f.Add(root+path, "format=json", "text/html;q=0.1, */*", "gzip, zstd;q=0.5")
	}
	h := fuzzed(f, registry.NewMemory(), fileOf("demo-1-py3-none-any.whl", "1"))
	f.Fuzz(func(t *testing.T, path, query, accept, encoding string) {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodHead, "/", nil)
		r.URL = &url.URL{Path: path, RawQuery: query}
		r.Header["Accept"], r.Header["Accept-Encoding"] = []string{accept}, []string{encoding}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		kind := w.Header().Get("Content-Type")
		switch w.Code {
		case http.StatusOK:
		case http.StatusTemporaryRedirect:
			if to := w.Header().Get("Location"); to == "" || to[0] == '/' || to[0] == '\\' {
				t.Errorf("%q leads to %q", path, to)
			}
		case http.StatusNotFound, http.StatusNotAcceptable:
			if kind != "application/problem+json" {
				t.Errorf("%q: %d as %q", path, w.Code, kind)
			}
		default:
			t.Errorf("%q?%q: %d", path, query, w.Code)
		}
	})
}

// FuzzRange: what is sent lies within the file and is what the header says.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-0", "bytes=-1", "bytes=5-", "bytes=0-1,3-4", "bytes=9-1", "bytes=99999999999999999999-", "x"} {
		f.Add(s)
	}
	const content = "0123456789"
	store := registry.NewMemory()
	desc := ocispec.Descriptor{MediaType: "application/octet-stream", Digest: digest.FromString(content), Size: int64(len(content))}
	if err := store.Push(f.Context(), desc, strings.NewReader(content)); err != nil {
		f.Fatal(err)
	}
	file := fileOf("demo-1-py3-none-any.whl", "1")
	file.SHA256, file.Size = desc.Digest.Encoded(), desc.Size
	h := fuzzed(f, store, file)
	target := root + "/files/" + file.SHA256 + "/" + file.Filename
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, target, nil)
		r.Header["Range"] = []string{value}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		said := w.Header().Get("Content-Range")
		switch w.Code {
		case http.StatusOK:
			if w.Body.String() != content || said != "" {
				t.Errorf("%q: %q, %q", value, w.Body, said)
			}
		case http.StatusPartialContent:
			var from, to, size int
			_, err := fmt.Sscanf(said, "bytes %d-%d/%d", &from, &to, &size)
			if err != nil || from < 0 || to < from || to >= size || size != len(content) || w.Body.String() != content[from:to+1] {
				t.Errorf("%q: %q, %q", value, w.Body, said)
			}
		case http.StatusRequestedRangeNotSatisfiable:
			if said != "bytes */10" {
				t.Errorf("%q: %q", value, said)
			}
		default:
			t.Errorf("%q: %d", value, w.Code)
		}
	})
}
