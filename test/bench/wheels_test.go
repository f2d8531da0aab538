package bench_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/test/signtest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// indexName is what all benchmarks publish to.
var indexName = index.Name{Product: "bench", Series: "1.0", Variant: "cpu"}

// noise gives size bytes that do not compress, the same for the same seed.
func noise(seed string, size int) string {
	sum := sha256.Sum256([]byte(seed))
	random := rand.NewChaCha8(sum)
	data := make([]byte, size+8)
	for i := 0; i < size; i += 8 {
		binary.LittleEndian.PutUint64(data[i:], random.Uint64())
	}
	return string(data[:size])
}

// writeWheels writes wheels with payload bytes each: projects of perProject
// versions, from the number first on.
func writeWheels(b *testing.B, dir string, first, n, perProject, payload int) []string {
	b.Helper()
	var paths []string
	for i := first; i < first+n; i++ {
		w := wheeltest.Wheel{
			Name: fmt.Sprintf("project-%05d", i/perProject), Version: fmt.Sprintf("1.%d", i%perProject),
			Summary: "A wheel for a benchmark", License: "Apache-2.0", RequiresPython: ">=3.9",
			Requires: []string{"numpy>=1.26", "typing-extensions; python_version < \"3.11\""},
		}
		if payload > 0 {
			w.Files = map[string]string{fmt.Sprintf("project_%05d/data.bin", i/perProject): noise(w.Filename(), payload)}
		}
		paths = append(paths, wheeltest.Write(b, dir, w))
	}
	return paths
}

// inspect reads wheels as the program does, several at once.
func inspect(b *testing.B, paths []string) []publish.Candidate {
	b.Helper()
	list := make([]publish.Candidate, len(paths))
	g, ctx := errgroup.WithContext(b.Context())
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		g.Go(func() error {
			var err error
			list[i], err = inspectFile(ctx, path)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	return list
}

func inspectFile(ctx context.Context, path string) (publish.Candidate, error) {
	c := publish.Candidate{Path: path}
	f, err := os.Open(path)
	if err != nil {
		return c, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return c, err
	}
	c.Info, c.Facts, c.Exports, err = facts.Inspect(ctx, f, st.Size(), filepath.Base(path), wheel.Limits{}, "")
	return c, err
}

func signer(b *testing.B) sign.Signer {
	b.Helper()
	s, _, _, _ := signtest.ECDSA(b, "bench")
	return s
}

func plan(b *testing.B, s registry.Store, files []publish.Candidate, change func(*publish.Options)) *publish.Plan {
	b.Helper()
	o := publish.Options{Name: indexName, Files: files, Signers: []sign.Signer{signer(b)}, AllowLarge: true, Judge: judge, Now: time.Now()}
	if change != nil {
		change(&o)
	}
	p, err := publish.NewPlan(b.Context(), s, o)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func apply(b *testing.B, s registry.Store, p interface {
	Apply(context.Context, publish.Store) error
}) {
	b.Helper()
	if err := p.Apply(b.Context(), s); err != nil {
		b.Fatal(err)
	}
}

// promote makes the candidate live; repository is what .sig tags name, or none.
func promote(b *testing.B, s registry.Store, repository string) {
	b.Helper()
	apply(b, s, promotion(b, s, repository))
}

func promotion(b *testing.B, s registry.Store, repository string) *publish.Promotion {
	b.Helper()
	p, err := publish.NewPromotion(b.Context(), s, publish.PromoteOptions{
		Name: indexName, By: "bench", Signers: []sign.Signer{signer(b)}, Repository: repository, Now: time.Now(),
	})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// open opens a place as the programs do, with a cache of small contents.
func open(b *testing.B, ref string, opts registry.Options) registry.Store {
	b.Helper()
	r, err := registry.ParseReference(ref)
	if err != nil {
		b.Fatal(err)
	}
	s, err := registry.Open(b.Context(), r, opts)
	if err != nil {
		b.Fatal(err)
	}
	return registry.Cached(s, 64<<20)
}
