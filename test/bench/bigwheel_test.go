package bench_test

import (
	"archive/zip"
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

const (
	bigName  = "big-1.0-py3-none-any.whl"
	bigBytes = 1 << 30
)

// writeBig writes a wheel of 1 GiB that does not compress, without ever having
// it in memory.
func writeBig(b *testing.B, dir string) string {
	b.Helper()
	path := filepath.Join(dir, bigName)
	f, err := os.Create(path)
	must(b, err)
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	z := zip.NewWriter(out)
	record := ""
	// Sizes and checksums stand before the bytes, so these are made twice.
	member := func(name string, size int64, content func() io.Reader) {
		crc, sum := crc32.NewIEEE(), sha256.New()
		_, err := io.CopyN(io.MultiWriter(crc, sum), content(), size)
		must(b, err)
		h := &zip.FileHeader{Name: name, Method: zip.Store, CRC32: crc.Sum32(), CompressedSize64: uint64(size), UncompressedSize64: uint64(size)}
		w, err := z.CreateRaw(h)
		must(b, err)
		_, err = io.CopyN(w, content(), size)
		must(b, err)
		record += fmt.Sprintf("%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum.Sum(nil)), size)
	}
	text := func(name, s string) {
		member(name, int64(len(s)), func() io.Reader { return strings.NewReader(s) })
	}
	for i := range 4 {
		member(fmt.Sprintf("big/%d.bin", i), bigBytes/4, func() io.Reader { return rand.NewChaCha8([32]byte{byte(i)}) })
	}
	text("big-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: big\nVersion: 1.0\n\n")
	text("big-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
	text("big-1.0.dist-info/RECORD", record+"big-1.0.dist-info/RECORD,,\n")
	must(b, z.Close())
	must(b, out.Flush())
	return path
}

// BenchmarkBigWheel sends a wheel of 1 GiB through the program that publishes
// and through the shim, which read it from a layout and from a registry, and
// reports the most memory each process had resident. Ratios of downloads are to
// the same blob from the registry itself.
func BenchmarkBigWheel(b *testing.B) {
	server := registrytest.Distribution(b, registrytest.DistributionOptions{Dir: b.TempDir()})
	wheel := writeBig(b, b.TempDir())
	key, _ := keyFiles(b)
	layout := b.TempDir()
	places := map[string]string{"layout": registry.LayoutPrefix + layout, "registry": server.Host + "/bench/big"}
	for b.Loop() {
		for _, name := range []string{"layout", "registry"} {
			args := []string{"--to", places[name], "--index", indexName.String(), "--key", key, "--plain-http"}
			run := start(b, nil, program(b, "pinwheel"), append([]string{"publish"}, append(args, wheel)...)...)
			report(b, run.wait(), "publish-"+name+"-peak-MB")
			start(b, nil, program(b, "pinwheel"), append([]string{"promote"}, args...)...).wait()
		}
		sum := fileDigest(b, wheel)
		for _, name := range []string{"registry", "layout"} {
			running := serve(b, places[name], "/simple/big/")
			file := running.root + "/files/" + sum + "/" + bigName
			size := fileSize(b, wheel)
			times := series{}
			for range rounds {
				times.add("direct", seconds(b, func() { download(b, "http://"+server.Host+"/v2/bench/big/blobs/sha256:"+sum, size) }))
				times.add("shim", seconds(b, func() { download(b, file, size) }))
			}
			report(b, running.memory("VmHWM"), "shim-"+name+"-peak-MB")
			report(b, times.median("shim"), "shim-"+name+"-s")
			report(b, times.median("direct"), "direct-s")
			report(b, times.ratio("shim", "direct"), "shim-"+name+"-time-ratio")
			var g errgroup.Group
			for range 8 {
				g.Go(func() error { return discard(file, size) })
			}
			must(b, g.Wait())
			report(b, running.memory("VmHWM"), "shim-"+name+"-8-clients-peak-MB")
			running.kill()
		}
	}
}

func download(b *testing.B, url string, size int64) {
	b.Helper()
	must(b, discard(url, size))
}

// discard downloads a file whose size is known and keeps nothing of it.
func discard(url string, size int64) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || n != size) {
		err = fmt.Errorf("%s: %s, %d bytes instead of %d", url, resp.Status, n, size)
	}
	return err
}

func fileDigest(b *testing.B, path string) string {
	b.Helper()
	f, err := os.Open(path)
	must(b, err)
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	must(b, err)
	return fmt.Sprintf("%x", sum.Sum(nil))
}

func fileSize(b *testing.B, path string) int64 {
	b.Helper()
	info, err := os.Stat(path)
	must(b, err)
	return info.Size()
}
