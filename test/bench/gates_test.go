package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// target has four environments, as an index for two architectures has.
var target = &index.Target{
	Glibc: "2.34", Glibcxx: "3.4.29", Platforms: []string{"linux_aarch64", "linux_x86_64"}, Pythons: []string{"3.11", "3.12"},
}

// judge runs all gates, as the program does.
func judge(ctx context.Context, d *publish.Draft) (*publish.Verdict, error) {
	r, err := gate.Run(ctx, gate.Input{
		Candidate: d.Candidate, Live: d.Live, LiveDigest: d.LiveDigest, Facts: d.Facts, Exports: d.Exports, Names: d.Names,
		Rollback: d.Rollback, Now: time.Now(),
	})
	if err != nil {
		return nil, err
	}
	data, err := r.Encode()
	return &publish.Verdict{Pass: r.Result == gate.Pass, Report: data}, err
}

func gated(o *publish.Options) { o.Target = target }

func ungated(o *publish.Options) { o.Judge = nil }

// writeGraph writes wheels of projects that need each other, each with up to five
// requirements that narrow the versions as far as there are some.
func writeGraph(b *testing.B, dir string, projects, wheels int) []string {
	b.Helper()
	var paths []string
	for i := range wheels {
		p := i % projects
		w := wheeltest.Wheel{Name: fmt.Sprintf("project-%04d", p), Version: fmt.Sprintf("1.%d", i/projects), RequiresPython: ">=3.9"}
		for n := 1; n <= 5 && p-n*n*7 >= 0; n++ {
			w.Requires = append(w.Requires, fmt.Sprintf("project-%04d >=1.%d, <2", p-n*n*7, min(n%3, wheels/projects-1)))
		}
		paths = append(paths, wheeltest.Write(b, dir, w))
	}
	return paths
}

// BenchmarkGates adds one wheel to an index of 1,500 projects and 5,000 wheels,
// with all gates in four environments and, in turn, without any. The first
// publication reads all facts; "cold" has a gated revision made of an ungated
// one, whose 5,000 wheels are all fetched and read.
func BenchmarkGates(b *testing.B) {
	const projects, wheels = 1500, 5000
	server := registrytest.Distribution(b, registrytest.DistributionOptions{Dir: b.TempDir()})
	for b.Loop() {
		dir := b.TempDir()
		paths := writeGraph(b, dir, projects, wheels)
		with, without := server.Host+"/bench/gated", server.Host+"/bench/ungated"
		times := series{}
		times.add("first", seconds(b, func() {
			s := open(b, with, server.Options())
			apply(b, s, plan(b, s, inspect(b, paths), gated))
		}))
		s := open(b, without, server.Options())
		apply(b, s, plan(b, s, inspect(b, paths), ungated))
		for round := range 5 {
			more := []string{wheeltest.Write(b, dir, wheeltest.Wheel{Name: "more", Version: fmt.Sprintf("1.%d", round), Requires: []string{"project-0700"}})}
			for _, rival := range rotated([]string{"gated", "ungated"}, round) {
				var r registrytest.Recorder
				times.add(rival, seconds(b, func() {
					change := gated
					if rival == "ungated" {
						change = ungated
					}
					s := open(b, server.Host+"/bench/"+rival, recorded(server, &r))
					apply(b, s, plan(b, s, inspect(b, more), change))
				}))
				times.add(rival+"-requests", float64(len(r.Requests())))
			}
		}
		times.add("cold", seconds(b, func() {
			s := open(b, without, server.Options())
			apply(b, s, plan(b, s, nil, gated))
		}))
		report(b, times.median("first"), "first-s")
		report(b, times.median("cold"), "cold-s")
		report(b, times.median("gated"), "one-gated-s")
		report(b, times.median("ungated"), "one-ungated-s")
		report(b, times.median("gated-requests"), "one-gated-requests")
		report(b, times.median("ungated-requests"), "one-ungated-requests")
	}
}

// BenchmarkRelease promotes a release of twelve variants with 400 wheels each,
// all with new candidates, and counts the requests.
func BenchmarkRelease(b *testing.B) {
	const variants, wheels = 12, 400
	server := registrytest.Distribution(b, registrytest.DistributionOptions{Dir: b.TempDir()})
	repository := server.Host + "/bench/release"
	for b.Loop() {
		dir := b.TempDir()
		files := inspect(b, writeGraph(b, dir, wheels, wheels))
		next := inspect(b, []string{wheeltest.Write(b, dir, wheeltest.Wheel{Name: "next"})})
		s := open(b, repository, server.Options())
		for round, list := range [][]publish.Candidate{files, next} {
			for v := range variants {
				apply(b, s, plan(b, s, list, func(o *publish.Options) {
					gated(o)
					o.Name.Variant = fmt.Sprintf("variant%d", v)
				}))
			}
			var r registrytest.Recorder
			took := seconds(b, func() { release(b, open(b, repository, recorded(server, &r)), repository) })
			if round == 1 {
				report(b, took, "release-s")
				report(b, float64(len(r.Requests())), "release-requests")
			}
		}
	}
}

func release(b *testing.B, s registry.Store, repository string) {
	b.Helper()
	p, err := publish.NewRelease(b.Context(), s, publish.ReleaseOptions{Series: indexName.Series, Promote: publish.PromoteOptions{
		By: "bench", Signers: []sign.Signer{signer(b)}, Repository: repository, Now: time.Now(),
	}})
	must(b, err)
	apply(b, s, p)
}

// BenchmarkRollback goes back from one revision of 5,000 wheels to the one before,
// and in the same round writes the same index twice, as bare pushes.
func BenchmarkRollback(b *testing.B) {
	server := registrytest.Distribution(b, registrytest.DistributionOptions{Dir: b.TempDir()})
	repository := server.Host + "/bench/rollback"
	for b.Loop() {
		dir := b.TempDir()
		s := open(b, repository, server.Options())
		for _, paths := range [][]string{writeGraph(b, dir, 1500, 5000), {wheeltest.Write(b, dir, wheeltest.Wheel{Name: "broken"})}} {
			apply(b, s, plan(b, s, inspect(b, paths), gated))
			promote(b, s, repository)
		}
		var r registrytest.Recorder
		took := seconds(b, func() { rollback(b, open(b, repository, recorded(server, &r)), repository) })
		s = open(b, repository, server.Options())
		desc, err := s.Resolve(b.Context(), indexName.LiveTag())
		must(b, err)
		data, err := content.FetchAll(b.Context(), s, desc)
		must(b, err)
		twice := seconds(b, func() {
			for _, tag := range []string{"one", "two"} {
				must(b, s.PushReference(b.Context(), desc, bytes.NewReader(data), tag))
			}
		})
		report(b, took, "rollback-s")
		report(b, twice, "two-index-writes-s")
		report(b, took/twice, "to-two-index-writes")
		report(b, float64(len(r.Requests())), "rollback-requests")
	}
}

func rollback(b *testing.B, s registry.Store, repository string) {
	b.Helper()
	signers := []sign.Signer{signer(b)}
	p, err := publish.NewRollback(b.Context(), s, publish.RollbackOptions{
		To:      "1",
		Publish: publish.Options{Name: indexName, Signers: signers, Judge: judge, AllowLarge: true, Now: time.Now()},
		Promote: publish.PromoteOptions{Name: indexName, By: "bench", Signers: signers, Repository: repository, Now: time.Now()},
	})
	must(b, err)
	apply(b, s, p)
}
