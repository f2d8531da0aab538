package registry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

// waits is a clock that does not wait but remembers for how long it should have.
type waits struct {
	mu  sync.Mutex
	all []time.Duration
}

func (w *waits) retry() registry.Retry {
	return registry.Retry{
		Sleep: func(ctx context.Context, d time.Duration) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.all = append(w.all, d)
			return ctx.Err()
		},
		Random: func() float64 { return 0.5 },
		Now:    func() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC) },
	}
}

// wrapped puts transports around each other, the first one outermost.
func wrapped(wraps ...func(http.RoundTripper) http.RoundTripper) func(http.RoundTripper) http.RoundTripper {
	return func(rt http.RoundTripper) http.RoundTripper {
		for _, wrap := range slices.Backward(wraps) {
			rt = wrap(rt)
		}
		return rt
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	after := func(value string) http.Header { return http.Header{"Retry-After": {value}} }
	tests := map[string]struct {
		faults []registrytest.Fault
		waits  []time.Duration
		fails  bool
	}{
		"503 twice": {
			faults: []registrytest.Fault{{Status: 503, Times: 2}},
			waits:  []time.Duration{187500 * time.Microsecond, 375 * time.Millisecond},
		},
		"429 with seconds": {
			faults: []registrytest.Fault{{Status: 429, Header: after("7")}},
			waits:  []time.Duration{7 * time.Second},
		},
		"429 with a date": {
			faults: []registrytest.Fault{{Status: 429, Header: after("Wed, 02 Jan 2030 03:04:15 GMT")}},
			waits:  []time.Duration{10 * time.Second},
		},
		"429 that asks for too much": {
			faults: []registrytest.Fault{{Status: 429, Header: after("3600")}},
			fails:  true,
		},
		"broken connection": {
			faults: []registrytest.Fault{{}},
			waits:  []time.Duration{187500 * time.Microsecond},
		},
		"500 is final": {
			faults: []registrytest.Fault{{Status: 500}},
			fails:  true,
		},
		"five failures are enough": {
			faults: []registrytest.Fault{{Status: 502, Times: 5}},
			waits: []time.Duration{
				187500 * time.Microsecond, 375 * time.Millisecond, 750 * time.Millisecond, 1500 * time.Millisecond,
			},
			fails: true,
		},
	}
	host := registrytest.InProcess(t, registrytest.Quirks{})
	data := []byte("content")
	desc := registrytest.Push(t, open(t, host+"/a/b", registry.Options{PlainHTTP: true}), data)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock waits
			store := open(t, host+"/a/b", registry.Options{
				PlainHTTP: true, Retry: clock.retry(), WrapTransport: registrytest.NewFaults(tt.faults...).Wrap,
			})
			got, err := content.FetchAll(t.Context(), store, desc)
			if tt.fails != (err != nil) {
				t.Errorf("error is %v", err)
			}
			if err == nil && !bytes.Equal(got, data) {
				t.Errorf("got %q", got)
			}
			if diff := cmp.Diff(tt.waits, clock.all); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
}

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
			falls := 0
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
					if e.Bytes < last {
						falls++
					}
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
			// far it is; it then refuses the next PATCH and is asked again.
			size := int64(len(data))
			if len(bodies) < 3 || bodies[0] != size || slices.Max(bodies[1:]) >= size || bodies[len(bodies)-1] > size-5<<20 {
				t.Errorf("bytes announced with each PATCH: %d; want %d, then always less, at last 5 MiB less", bodies, size)
			}
			if falls == 0 {
				t.Error("progress never went back, though what was sent got lost")
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

func TestManifestPushThroughFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault registrytest.Fault
		puts  int
		fails bool
	}{
		"503, not stored":          {registrytest.Fault{Status: 503}, 2, false},
		"504, stored":              {registrytest.Fault{Status: 504, Stored: true}, 1, false},
		"504, not stored":          {registrytest.Fault{Status: 504}, 2, false},
		"502, stored":              {registrytest.Fault{Status: 502, Stored: true}, 1, false},
		"broken, stored":           {registrytest.Fault{Stored: true}, 1, false},
		"broken, not stored":       {registrytest.Fault{}, 2, false},
		"never stored":             {registrytest.Fault{Status: 504, Times: 99}, 5, true},
		"refused":                  {registrytest.Fault{Status: 400}, 1, true},
		"larger than nginx allows": {registrytest.Fault{Status: 413}, 1, true},
	}
	host := registrytest.InProcess(t, registrytest.Quirks{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock waits
			var sent registrytest.Recorder
			tt.fault.Method, tt.fault.Path = "PUT", "/manifests/"
			store := open(t, host+"/faults/"+strings.ToLower(strings.NewReplacer(" ", "-", ",", "").Replace(name)), registry.Options{
				PlainHTTP: true, Retry: clock.retry(),
				WrapTransport: wrapped(sent.Wrap, registrytest.NewFaults(tt.fault).Wrap),
			})
			desc, manifest := registrytest.Manifest(t, store, "layer", nil)
			err := store.PushReference(t.Context(), desc, bytes.NewReader(manifest), "t")
			if tt.fails != (err != nil) {
				t.Errorf("error is %v", err)
			}
			if puts := sent.Count("PUT", "/manifests/"); puts != tt.puts {
				t.Errorf("%d PUT, want %d:\n%s", puts, tt.puts, strings.Join(sent.Requests(), "\n"))
			}
			got, err := store.Resolve(t.Context(), "t")
			if tt.fails {
				if !errors.Is(err, errdef.ErrNotFound) {
					t.Errorf("after a failure the tag resolves to %s, %v", got.Digest, err)
				}
			} else if err != nil || got.Digest != desc.Digest {
				t.Errorf("the tag resolves to %s, %v", got.Digest, err)
			}
		})
	}
}

// The requests that the common cases need: each one is a wait on a slow line.
func TestRequestsAreFew(t *testing.T) {
	t.Parallel()
	server := registrytest.Distribution(t, registrytest.DistributionOptions{})
	var sent registrytest.Recorder
	opts := server.Options()
	opts.WrapTransport = sent.Wrap
	first := open(t, server.Host+"/few/first", opts)
	step := func(what string, want []string, do func() error) {
		t.Helper()
		sent.Reset()
		if err := do(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, request := range sent.Requests() {
			method, _, _ := strings.Cut(request, " ")
			got = append(got, method)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	ctx := t.Context()
	small, large := registrytest.Random(5, 1000), registrytest.Random(6, 5<<20)
	push := func(store registry.Store, data []byte) func() error {
		return func() error { return store.Push(ctx, registrytest.Blob(data), bytes.NewReader(data)) }
	}
	step("new small blob", []string{"POST", "PUT"}, push(first, small))
	step("new large blob", []string{"POST", "PATCH", "PUT"}, push(first, large))
	step("blob that is there", []string{"POST"}, push(first, large))
	step("blob of another repository", []string{"POST"}, func() error {
		opts := opts
		opts.MountFrom = "few/first"
		return push(open(t, server.Host+"/few/second", opts), large)()
	})
	step("mount", []string{"POST"}, func() error {
		return open(t, server.Host+"/few/third", opts).Mount(ctx, registrytest.Blob(small), "few/first", nil)
	})
	desc, manifest := registrytest.Manifest(t, first, "layer", nil)
	step("manifest under a tag", []string{"PUT"}, func() error {
		return first.PushReference(ctx, desc, bytes.NewReader(manifest), "t")
	})
	step("tag of a manifest", []string{"GET", "PUT"}, func() error { return first.Tag(ctx, desc, "u") })
	step("resolve", []string{"HEAD"}, func() error { _, err := first.Resolve(ctx, "t"); return err })
	step("fetch by tag", []string{"GET"}, func() error {
		_, rc, err := first.FetchReference(ctx, "t")
		if err == nil {
			err = rc.Close()
		}
		return err
	})
	cached := registry.Cached(first, 1<<20)
	fetch := func() error { _, err := content.FetchAll(ctx, cached, desc); return err }
	step("fetch through a cache", []string{"GET"}, fetch)
	step("fetch through a cache again", nil, fetch)
	step("tag through a cache", []string{"PUT"}, func() error { return cached.Tag(ctx, desc, "v") })
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

func TestEqualBlobsGoOverTheWireOnce(t *testing.T) {
	t.Parallel()
	host := registrytest.InProcess(t, registrytest.Quirks{})
	var sent registrytest.Recorder
	arrived, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	store := open(t, host+"/a/b", registry.Options{PlainHTTP: true,
		WrapTransport: wrapped(sent.Wrap, func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(req *http.Request) (*http.Response, error) {
				if req.Method == http.MethodPut {
					once.Do(func() { close(arrived) })
					<-release
				}
				return next.RoundTrip(req)
			})
		})})
	var wait sync.WaitGroup
	for range 5 {
		wait.Go(func() { registrytest.Push(t, store, []byte("{}")) })
	}
	<-arrived
	close(release)
	wait.Wait()
	if n := sent.Count("PUT", ""); n != 1 {
		t.Errorf("%d PUT, want 1", n)
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now, most := 0, 0
	host := registrytest.InProcess(t, registrytest.Quirks{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			next.ServeHTTP(w, r)
			mu.Lock()
			now--
			mu.Unlock()
		})
	}})
	store := open(t, host+"/a/b", registry.Options{PlainHTTP: true, Concurrency: 2})
	var wait sync.WaitGroup
	for i := range 30 {
		wait.Go(func() { registrytest.Push(t, store, []byte{byte(i)}) })
	}
	wait.Wait()
	// The handler may still be returning when its answer has been read.
	if most > 3 {
		t.Errorf("%d requests at once, want 2", most)
	}
}

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

func TestSilentRegistry(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write([]byte("half "))
			_ = http.NewResponseController(w).Flush()
		}
		<-done
	}))
	defer server.Close()
	defer close(done)
	store := open(t, strings.TrimPrefix(server.URL, "http://")+"/a/b", registry.Options{
		PlainHTTP: true, Timeout: 50 * time.Millisecond, Retry: registry.Retry{Attempts: 1},
	})
	_, err := store.Resolve(t.Context(), "t")
	if !errors.Is(err, registry.ErrUnreachable) {
		t.Errorf("no answer: error is %v", err)
	}
	data := []byte("half a pie")
	if _, err := content.FetchAll(t.Context(), store, registrytest.Blob(data)); err == nil || !strings.Contains(err.Error(), "no data") {
		t.Errorf("half a body: error is %v", err)
	}
}
