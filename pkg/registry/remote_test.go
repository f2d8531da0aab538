package registry_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	orasregistry "oras.land/oras-go/v2/registry"

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

func TestReferrers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		quirks registrytest.Quirks
		want   error
	}{
		"with the API":    {registrytest.Quirks{ReferrersWithoutSubjectHeader: true}, nil},
		"without the API": {registrytest.Quirks{NoReferrersAPI: true}, errdef.ErrUnsupported},
	} {
		store := open(t, registrytest.InProcess(t, tt.quirks)+"/a/b", registry.Options{PlainHTTP: true})
		subject := pushIndex(t, store, "live", "layer")
		referrer, data := registrytest.Manifest(t, store, "signature", &subject)
		if err := store.Push(t.Context(), referrer, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		var found []digest.Digest
		err := store.(orasregistry.ReferrerLister).Referrers(t.Context(), subject, "", func(all []ocispec.Descriptor) error {
			for _, desc := range all {
				found = append(found, desc.Digest)
			}
			return nil
		})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: error is %v, want %v", name, err, tt.want)
		}
		if tt.want == nil && !slices.Equal(found, []digest.Digest{referrer.Digest}) {
			t.Errorf("%s: found %s, want %s", name, found, referrer.Digest)
		}
	}
}
