package bench_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

// counter is a proxy before a registry that notes what it is asked.
type counter struct {
	host     string
	mu       sync.Mutex
	requests []string
}

func counting(b *testing.B, host string) *counter {
	b.Helper()
	c := &counter{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.requests = append(c.requests, r.Method+" "+r.URL.RequestURI())
		c.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	b.Cleanup(server.Close)
	c.host = strings.TrimPrefix(server.URL, "http://")
	return c
}

func (c *counter) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	requests := c.requests
	c.requests = nil
	return requests
}

// BenchmarkColdStart starts the shim, without state, on an index of 5,000 wheels
// of 500 projects in a registry, and asks for one project's page until it comes.
// Time is from the start of the process. Requests are all that reached the
// registry by then.
func BenchmarkColdStart(b *testing.B) {
	server := registrytest.Distribution(b, registrytest.DistributionOptions{Dir: b.TempDir()})
	repository := server.Host + "/bench/all"
	s := open(b, repository, registry.Options{PlainHTTP: true})
	apply(b, s, plan(b, s, inspect(b, writeWheels(b, b.TempDir(), 0, 5000, 10, 0)), nil))
	promote(b, s, repository)
	proxy := counting(b, server.Host)
	program(b, "pinwheel-shim")

	for b.Loop() {
		found := series{}
		for round := range 5 {
			var running *shim
			found.add("s", seconds(b, func() { running = serve(b, proxy.host+"/bench/all", "/simple/project-00007/") }))
			requests := proxy.take()
			found.add("requests", float64(len(requests)))
			found.add("rss", running.memory("VmRSS"))
			found.add("hwm", running.memory("VmHWM"))
			if round == 0 && testing.Verbose() {
				for _, r := range requests {
					b.Logf("start %s", short(r))
				}
			}
			running.kill()
		}
		report(b, found.median("s"), "first-page-s")
		report(b, found.median("requests"), "registry-requests")
		report(b, found.median("rss"), "resident-MB")
		report(b, found.median("hwm"), "peak-MB")
	}
}
