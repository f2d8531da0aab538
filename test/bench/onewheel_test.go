package bench_test

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

var hex = regexp.MustCompile(`[0-9a-f]{64}|_state=[^&]*|uploads/[0-9a-f-]{36}`)

// short makes a request readable.
func short(request string) string {
	return hex.ReplaceAllStringFunc(request, func(s string) string { return s[:min(len(s), 8)] + "…" })
}

// lease is how the program takes turns, with its default wait.
func lease() *publish.Lease {
	return &publish.Lease{Writer: "bench", Wait: 2 * time.Second, Patience: time.Minute, Now: time.Now}
}

// BenchmarkOneWheel publishes one wheel into indexes of several sizes and
// promotes it, as two commands: each begins with an empty cache. It counts every
// request that reaches the registry; -v lists them. The two seconds for which each
// looks out for other writers are part of its time. Then it does both once more
// through one store with its cache, without turns.
func BenchmarkOneWheel(b *testing.B) {
	server := registrytest.Distribution(b, registrytest.DistributionOptions{Dir: b.TempDir()})
	for _, size := range []int{50, 500, 5000} {
		b.Run(fmt.Sprintf("index=%d", size), func(b *testing.B) {
			for b.Loop() {
				oneWheel(b, server, size)
			}
		})
	}
}

func oneWheel(b *testing.B, server *registrytest.Server, size int) {
	repository := fmt.Sprintf("%s/bench/%d", server.Host, size)
	dir := b.TempDir()
	base := inspect(b, writeWheels(b, dir, 0, size, 10, 0))
	more := writeWheels(b, dir, size+1, 2, 1, 64<<10)

	s := open(b, repository, server.Options())
	apply(b, s, plan(b, s, base, nil))
	promote(b, s, repository)

	var published, promoted registrytest.Recorder
	publishing := seconds(b, func() {
		s := open(b, repository, recorded(server, &published))
		if split, err := publish.FindSplit(b.Context(), s, indexName); err != nil || split != nil {
			b.Fatal(split, err)
		}
		p := plan(b, s, inspect(b, more[:1]), nil)
		p.Lease = lease()
		apply(b, s, p)
	})
	promoting := seconds(b, func() {
		s := open(b, repository, recorded(server, &promoted))
		p := promotion(b, s, repository)
		p.Lease = lease()
		apply(b, s, p)
	})
	list(b, "publish", &published)
	list(b, "promote", &promoted)
	// The same again by one program, which would keep what it read and wrote.
	var together registrytest.Recorder
	s = open(b, repository, recorded(server, &together))
	apply(b, s, plan(b, s, inspect(b, more[1:]), nil))
	promote(b, s, repository)

	n, m := len(published.Requests()), len(promoted.Requests())
	report(b, float64(n), "publish-requests")
	report(b, float64(m), "promote-requests")
	report(b, float64(n+m), "both-requests")
	report(b, float64(len(together.Requests())), "one-program-requests")
	report(b, publishing, "publish-s")
	report(b, promoting, "promote-s")
}

func list(b *testing.B, command string, r *registrytest.Recorder) {
	b.Helper()
	if !testing.Verbose() {
		return
	}
	for _, request := range r.Requests() {
		b.Logf("%s %s", command, short(request))
	}
}

func recorded(server *registrytest.Server, r *registrytest.Recorder) registry.Options {
	opts := server.Options()
	opts.WrapTransport = r.Wrap
	return opts
}
