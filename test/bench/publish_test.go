package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

// The publication that is measured: wheels are small, which is the worst case,
// since what a wheel costs besides its bytes is then nearly all.
const (
	manyWheels  = 2000
	wheelBytes  = 16 << 10
	concurrency = registry.DefaultConcurrency
)

// BenchmarkPublish publishes wheels into an empty registry, beside plain oras-go
// clients that push the very same blobs and manifests from disk. Every run has a
// new registry: CNCF distribution on disk, or one in memory, which costs next to
// nothing and so shows what the clients themselves do. The rivals know all
// digests beforehand; what Pinwheel's time includes and theirs does not is
// reading and checking the wheels (inspect-s), planning and signing.
func BenchmarkPublish(b *testing.B) {
	paths := writeWheels(b, b.TempDir(), 0, manyWheels, 4, wheelBytes)
	layout := filepath.Join(b.TempDir(), "layout")
	s := open(b, registry.LayoutPrefix+layout, registry.Options{CreateLayout: true})
	apply(b, s, plan(b, s, inspect(b, paths), nil))
	g := readGraph(b, layout)

	for _, place := range []struct {
		name   string
		rounds int
		fresh  func(*testing.B) string
	}{
		{"disk", rounds, func(b *testing.B) string {
			return registrytest.Distribution(b, registrytest.DistributionOptions{Dir: b.TempDir()}).Host
		}},
		{"memory", 7, func(b *testing.B) string {
			return registrytest.InProcess(b, registrytest.Quirks{MountNotFound: true, Wrap: withoutMounts})
		}},
	} {
		b.Run(place.name, func(b *testing.B) {
			for b.Loop() {
				times := series{}
				rivals := map[string]func(host string){
					"pinwheel": func(host string) { publishAll(b, host, paths, times) },
					"push":     func(host string) { pushAll(b, host, g) },
					"copy":     func(host string) { copyAll(b, host, layout) },
				}
				for round := range place.rounds {
					for _, rival := range rotated([]string{"pinwheel", "push", "copy"}, round) {
						host := place.fresh(b)
						times.add(rival, seconds(b, func() { rivals[rival](host) }))
					}
				}
				reportPublish(b, times)
			}
		})
	}
}

// withoutMounts answers a request to mount as registries do that cannot: with
// the beginning of an upload. The test registry's own way there is long.
func withoutMounts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			r.URL.RawQuery = ""
		}
		next.ServeHTTP(w, r)
	})
}

func reportPublish(b *testing.B, times series) {
	b.Helper()
	report(b, times.median("pinwheel"), "pinwheel-s")
	report(b, times.median("inspect"), "inspect-s")
	report(b, times.median("plan"), "plan-s")
	report(b, times.median("push"), "oras-push-s")
	report(b, times.median("copy"), "oras-copy-s")
	report(b, times.ratio("pinwheel", "push"), "ratio-to-push")
	report(b, times.ratio("apply", "push"), "apply-ratio-to-push")
	report(b, times.ratio("pinwheel", "copy"), "ratio-to-copy")
}

// publishAll is what 'pinwheel publish' does.
func publishAll(b *testing.B, host string, paths []string, times series) {
	start := time.Now()
	files := inspect(b, paths)
	inspected := time.Now()
	s := open(b, host+"/bench/all", registry.Options{PlainHTTP: true})
	p := plan(b, s, files, nil)
	planned := time.Now()
	apply(b, s, p)
	times.add("inspect", inspected.Sub(start).Seconds())
	times.add("plan", planned.Sub(inspected).Seconds())
	times.add("apply", time.Since(planned).Seconds())
}

// graph is all that a revision consists of, with the order in which it can be
// pushed.
type graph struct {
	blobs     string // directory of the layout with the contents
	artifacts []ocispec.Manifest
	manifests []ocispec.Descriptor // of artifacts
	index     ocispec.Descriptor
}

func readGraph(b *testing.B, layout string) *graph {
	b.Helper()
	g := &graph{blobs: filepath.Join(layout, "blobs", "sha256")}
	s, err := oci.NewFromFS(b.Context(), os.DirFS(layout))
	must(b, err)
	g.index, err = s.Resolve(b.Context(), indexName.RevisionTag(1))
	must(b, err)
	var index ocispec.Index
	must(b, g.decode(g.index, &index))
	g.manifests = index.Manifests
	g.artifacts = make([]ocispec.Manifest, len(index.Manifests))
	for i, desc := range index.Manifests {
		must(b, g.decode(desc, &g.artifacts[i]))
	}
	return g
}

func (g *graph) open(desc ocispec.Descriptor) (*os.File, error) {
	return os.Open(filepath.Join(g.blobs, desc.Digest.Encoded()))
}

func (g *graph) decode(desc ocispec.Descriptor, v any) error {
	f, err := g.open(desc)
	if err != nil {
		return err
	}
	defer f.Close()
	return json.NewDecoder(f).Decode(v)
}

// push is one Push of one content, without asking whether it is there.
func (g *graph) push(ctx context.Context, repo *remote.Repository, desc ocispec.Descriptor, tags ...string) error {
	f, err := g.open(desc)
	if err != nil {
		return err
	}
	defer f.Close()
	if len(tags) > 0 {
		return repo.PushReference(ctx, desc, f, tags[0])
	}
	return repo.Push(ctx, desc, f)
}

func (g *graph) pushArtifact(ctx context.Context, repo *remote.Repository, i int) error {
	for _, layer := range g.artifacts[i].Layers {
		if err := g.push(ctx, repo, layer); err != nil {
			return err
		}
	}
	return g.push(ctx, repo, g.manifests[i])
}

func orasRepository(b *testing.B, host string) *remote.Repository {
	b.Helper()
	repo, err := remote.NewRepository(host + "/bench/all")
	must(b, err)
	repo.PlainHTTP = true
	return repo
}

// pushAll is the barest client: Push of every blob and manifest, with the index
// under both tags.
func pushAll(b *testing.B, host string, g *graph) {
	repo := orasRepository(b, host)
	must(b, g.push(b.Context(), repo, g.artifacts[0].Config))
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(concurrency)
	for i := range g.artifacts {
		group.Go(func() error { return g.pushArtifact(ctx, repo, i) })
	}
	must(b, group.Wait())
	must(b, g.push(b.Context(), repo, g.index, indexName.RevisionTag(1)))
	must(b, g.push(b.Context(), repo, g.index, indexName.CandidateTag()))
}

// copyAll is what a user of the library does: oras.Copy from a layout, which
// asks for each content whether it is there.
func copyAll(b *testing.B, host string, layout string) {
	from, err := oci.NewFromFS(b.Context(), os.DirFS(layout))
	must(b, err)
	repo := orasRepository(b, host)
	opts := oras.DefaultCopyOptions
	opts.Concurrency = concurrency
	index, err := oras.Copy(b.Context(), from, indexName.RevisionTag(1), repo, "", opts)
	must(b, err)
	must(b, repo.Tag(b.Context(), index, indexName.CandidateTag()))
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPublishSigned is BenchmarkPublish with and without a signature for
// other tools on each wheel, in a registry in memory that lists referrers.
func BenchmarkPublishSigned(b *testing.B) {
	files := inspect(b, writeWheels(b, b.TempDir(), 0, manyWheels, 4, wheelBytes))
	for b.Loop() {
		times := series{}
		for round := range rounds {
			for _, signed := range rotated([]bool{false, true}, round) {
				host := registrytest.InProcess(b, registrytest.Quirks{})
				took := seconds(b, func() {
					s := open(b, host+"/bench/all", registry.Options{PlainHTTP: true})
					apply(b, s, plan(b, s, files, func(o *publish.Options) { o.SignWheels = signed }))
				})
				times.add(fmt.Sprintf("signed=%v", signed), took)
			}
		}
		report(b, times.median("signed=true"), "signed-s")
		report(b, times.median("signed=false"), "unsigned-s")
		report(b, times.ratio("signed=true", "signed=false"), "ratio-to-unsigned")
	}
}
