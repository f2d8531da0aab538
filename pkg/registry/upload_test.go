package registry_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

// A push must end well, with the content stored, however a request fails.
func TestPushThroughFaults(t *testing.T) {
	t.Parallel()
	server := registrytest.Distribution(t, registrytest.DistributionOptions{Dir: t.TempDir()})
	small := registrytest.Random(1, 100_000)
	large := registrytest.Random(2, registry.MonolithicLimit+3<<20)
	tests := map[string]struct {
		data  []byte
		fault registrytest.Fault
		// puts and patches are how many requests with content may be sent.
		puts, patches int
	}{
		"start refused once":               {small, registrytest.Fault{Method: "POST", Status: 503}, 1, 0},
		"start answered by nobody":         {small, registrytest.Fault{Method: "POST", Stored: true}, 1, 0},
		"small blob not stored":            {small, registrytest.Fault{Method: "PUT", Status: 502}, 2, 0},
		"small blob stored, no answer":     {small, registrytest.Fault{Method: "PUT", Stored: true}, 1, 0},
		"small blob stored, 504":           {small, registrytest.Fault{Method: "PUT", Stored: true, Status: 504}, 1, 0},
		"small blob cut":                   {small, registrytest.Fault{Method: "PUT", CutRequest: 40_000}, 2, 0},
		"small blob, too many requests":    {small, registrytest.Fault{Method: "PUT", Status: 429}, 2, 0},
		"small blob, lost connections":     {small, registrytest.Fault{Method: "PUT", Times: 3}, 4, 0},
		"large blob, PATCH not stored":     {large, registrytest.Fault{Method: "PATCH", Status: 503}, 1, 2},
		"large blob, PATCH stored, broken": {large, registrytest.Fault{Method: "PATCH", Stored: true}, 1, 1},
		"large blob, PUT stored, 504":      {large, registrytest.Fault{Method: "PUT", Stored: true, Status: 504}, 1, 1},
		"large blob, PUT stored, broken":   {large, registrytest.Fault{Method: "PUT", Stored: true}, 1, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock waits
			var sent registrytest.Recorder
			faults := registrytest.NewFaults(tt.fault)
			opts := server.Options()
			opts.Retry = clock.retry()
			opts.WrapTransport = wrapped(sent.Wrap, faults.Wrap)
			store := open(t, server.Host+"/faults/"+strings.ToLower(strings.NewReplacer(" ", "-", ",", "").Replace(name)), opts)
			desc := registrytest.Push(t, store, tt.data)
			if faults.Met() == 0 {
				t.Error("no request met the fault")
			}
			if puts, patches := sent.Count("PUT", ""), sent.Count("PATCH", ""); puts != tt.puts || patches != tt.patches {
				t.Errorf("%d PUT and %d PATCH, want %d and %d:\n%s", puts, patches, tt.puts, tt.patches, strings.Join(sent.Requests(), "\n"))
			}
			got, err := content.FetchAll(t.Context(), store, desc)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, tt.data) {
				t.Error("what is stored differs")
			}
		})
	}
}

// An upload goes on where it was cut, it does not begin again.
func TestUploadResumes(t *testing.T) {
	t.Parallel()
	server := registrytest.Distribution(t, registrytest.DistributionOptions{Dir: t.TempDir(), Htpasswd: true})
	data := registrytest.Random(3, 12<<20)
	contents := map[string]io.Reader{
		"ReaderAt": bytes.NewReader(data),
		"seeker":   struct{ io.ReadSeeker }{bytes.NewReader(data)},
	}
	for name, r := range contents {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock waits
			var sent registrytest.Recorder
			var bodies []int64
			var mu sync.Mutex
			last := int64(0)
			opts := server.Options()
			opts.Retry = clock.retry()
			opts.WrapTransport = wrapped(sent.Wrap, func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(req *http.Request) (*http.Response, error) {
					if req.Method == http.MethodPatch {
						mu.Lock()
						bodies = append(bodies, req.ContentLength)
						mu.Unlock()
					}
					return next.RoundTrip(req)
				})
			}, registrytest.NewFaults(
				registrytest.Fault{Method: "PATCH", CutRequest: 5 << 20},
				registrytest.Fault{Method: "PATCH", CutRequest: 4 << 20},
			).Wrap)
			opts.Progress = func(e registry.Event) {
				mu.Lock()
				defer mu.Unlock()
				if e.Kind == registry.EventSent {
					last = e.Bytes
				}
			}
			store := open(t, server.Host+"/resume/"+strings.ToLower(name), opts)
			desc := registrytest.Blob(data)
			if err := store.Push(t.Context(), desc, r); err != nil {
				t.Fatal(err)
			}
			got, err := content.FetchAll(t.Context(), store, desc)
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("what is stored differs: %v", err)
			}
			if n := sent.Count("POST", ""); n != 2 { // the first without password
				t.Errorf("%d uploads were begun, want the one:\n%s", n, strings.Join(sent.Requests(), "\n"))
			}
			// A registry may still be writing what came when it is asked how
			// far it is; it then refuses the next PATCH and is asked again. Of what was
			// on its way when the connection was cut it has some.
			size := int64(len(data))
			if len(bodies) < 3 || bodies[0] != size || slices.Max(bodies[1:]) >= size || bodies[len(bodies)-1] > size-2<<20 {
				t.Errorf("bytes announced with each PATCH: %d; want %d, then always less, at last 2 MiB less", bodies, size)
			}
			if last != int64(len(data)) {
				t.Errorf("progress ended at %d", last)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestStreamThatBreaksSaysSo(t *testing.T) {
	t.Parallel()
	host := registrytest.InProcess(t, registrytest.Quirks{})
	var clock waits
	store := open(t, host+"/a/b", registry.Options{PlainHTTP: true, Retry: clock.retry(),
		WrapTransport: func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(req *http.Request) (*http.Response, error) {
				if req.Method == http.MethodPatch {
					// Read, and lost on the way.
					_, _ = io.CopyN(io.Discard, req.Body, 1<<20)
					return nil, registrytest.ErrBroken
				}
				return next.RoundTrip(req)
			})
		}})
	data := registrytest.Random(4, 8<<20)
	err := store.Push(t.Context(), registrytest.Blob(data), struct{ io.Reader }{bytes.NewReader(data)})
	if !errors.Is(err, registry.ErrUnreachable) || !strings.Contains(err.Error(), "second time") {
		t.Errorf("error is %v", err)
	}
}

func TestMountFromAnotherRepository(t *testing.T) {
	t.Parallel()
	server := registrytest.Distribution(t, registrytest.DistributionOptions{Htpasswd: true})
	var kinds []registry.EventKind
	opts := server.Options()
	source := open(t, server.Host+"/mount/from", opts)
	opts.MountFrom = "mount/from"
	opts.Progress = func(e registry.Event) { kinds = append(kinds, e.Kind) }
	target := open(t, server.Host+"/mount/to", opts)
	data := registrytest.Random(7, 5000)
	desc := registrytest.Push(t, source, data)
	// Nothing is read: the reader would fail.
	if err := target.Push(t.Context(), desc, failingReader{}); err != nil {
		t.Fatal(err)
	}
	got, err := content.FetchAll(t.Context(), target, desc)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("what is mounted differs: %v", err)
	}
	if len(kinds) == 0 || kinds[0] != registry.EventMounted {
		t.Errorf("events are %v", kinds)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("not to be read") }

func TestUploadStaysOnTheRegistry(t *testing.T) {
	t.Parallel()
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the stranger was asked")
	}))
	defer stranger.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", stranger.URL+"/v2/a/b/blobs/uploads/1")
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	store := open(t, strings.TrimPrefix(server.URL, "http://")+"/a/b", registry.Options{PlainHTTP: true})
	if err := store.Push(t.Context(), registrytest.Blob([]byte("x")), strings.NewReader("x")); err == nil {
		t.Error("no error")
	}
}

// Where the registry can't mount, the blob comes through us.
func TestMountThatIsRefused(t *testing.T) {
	t.Parallel()
	host := registrytest.InProcess(t, registrytest.Quirks{})
	data := registrytest.Random(8, 5000)
	desc := registrytest.Push(t, open(t, host+"/mount/from", registry.Options{PlainHTTP: true}), data)
	for status, name := range map[int]string{404: "not-found", 403: "forbidden", 401: "unauthorized"} {
		faults := registrytest.NewFaults(registrytest.Fault{Method: "POST", Status: status})
		target := open(t, host+"/mount/"+name, registry.Options{PlainHTTP: true, WrapTransport: faults.Wrap})
		if err := target.Mount(t.Context(), desc, "mount/from", nil); err != nil {
			t.Errorf("%d: %v", status, err)
			continue
		}
		got, err := content.FetchAll(t.Context(), target, desc)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d: what is stored differs: %v", status, err)
		}
	}
}
