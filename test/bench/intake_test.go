package bench_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// intakeWheels names a directory of real wheels, such as those that
// `pip download` fetches, which BenchmarkIntake measures too.
const intakeWheels = "PINWHEEL_BENCH_WHEELS"

// codeReader makes bytes that compress about as the libraries of torch do, to a
// half: short sequences that come again, as instructions do, with random
// operands between them.
type codeReader struct {
	random *rand.Rand
	words  [][]byte
	left   int64
	rest   []byte
	buf    []byte
}

func newCodeReader(seed byte, size int64) *codeReader {
	r := &codeReader{random: rand.New(rand.NewChaCha8([32]byte{seed})), left: size, buf: make([]byte, 0, 64<<10)}
	for range 2048 {
		word := make([]byte, 3+r.random.IntN(14))
		for i := range word {
			word[i] = byte(r.random.Uint32())
		}
		r.words = append(r.words, word)
	}
	// Enough of an ELF file that its kind is recognised.
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	header[16], header[18] = 3, 62
	r.rest = header
	return r
}

func (r *codeReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if len(r.rest) == 0 {
		r.fill()
	}
	n := copy(p[:min(int64(len(p)), r.left)], r.rest)
	r.rest, r.left = r.rest[n:], r.left-int64(n)
	return n, nil
}

func (r *codeReader) fill() {
	b := r.buf[:0]
	for len(b) < cap(b)-32 {
		n := r.random.Uint64()
		// The smaller of two numbers: some words are frequent.
		b = append(b, r.words[min(n%2048, n>>11%2048)]...)
		if n>>22%4 > 0 {
			operand := binary.LittleEndian.AppendUint32(nil, uint32(n>>32))
			b = append(b, operand[:1+n>>24%4]...)
		}
	}
	r.rest = b
}

// writeCode writes a wheel for x86-64 with libraries of these sizes.
func writeCode(b *testing.B, dir string, sizes ...int64) string {
	b.Helper()
	path := filepath.Join(dir, fmt.Sprintf("code-%d.0-py3-none-linux_x86_64.whl", len(sizes)))
	f, err := os.Create(path)
	must(b, err)
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	z := zip.NewWriter(out)
	info := fmt.Sprintf("code-%d.0.dist-info/", len(sizes))
	record := ""
	add := func(name string, content io.Reader) {
		tmp, err := os.CreateTemp(dir, "packed")
		must(b, err)
		defer os.Remove(tmp.Name())
		defer tmp.Close()
		crc, sum := crc32.NewIEEE(), sha256.New()
		deflate, err := flate.NewWriter(tmp, flate.BestSpeed+4)
		must(b, err)
		n, err := io.CopyBuffer(io.MultiWriter(deflate, crc, sum), content, make([]byte, 256<<10))
		must(b, err)
		must(b, deflate.Close())
		packed, err := tmp.Seek(0, io.SeekCurrent)
		must(b, err)
		_, err = tmp.Seek(0, io.SeekStart)
		must(b, err)
		w, err := z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, CRC32: crc.Sum32(), CompressedSize64: uint64(packed), UncompressedSize64: uint64(n)})
		must(b, err)
		_, err = io.Copy(w, tmp)
		must(b, err)
		record += fmt.Sprintf("%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum.Sum(nil)), n)
	}
	for i, size := range sizes {
		add(fmt.Sprintf("code/lib/lib%d.so", i), newCodeReader(byte(i), size))
	}
	add(info+"METADATA", strings.NewReader(fmt.Sprintf("Metadata-Version: 2.4\nName: code\nVersion: %d.0\n\n", len(sizes))))
	add(info+"WHEEL", strings.NewReader("Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: false\nTag: py3-none-linux_x86_64\n"))
	add(info+"RECORD", bytes.NewReader([]byte(record+info+"RECORD,,\n")))
	must(b, z.Close())
	must(b, out.Flush())
	return path
}

// processorTime is what this process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkIntake reads wheels of several sizes with all rules: unpacked MB for
// each second of processor time and of the clock, and the most memory that the
// program `pinwheel check`, which also reads the facts of libraries, had
// resident. The largest is as torch is: 0.9 GB, 1.7 GB unpacked.
func BenchmarkIntake(b *testing.B) {
	const mb = 1e6
	for _, row := range []struct {
		name  string
		sizes []int64
	}{
		{"2MB", []int64{2 * mb}},
		{"20MB", []int64{15 * mb, 5 * mb}},
		{"200MB", []int64{150 * mb, 40 * mb, 10 * mb}},
		{"1700MB", []int64{1150 * mb, 400 * mb, 100 * mb, 50 * mb}},
	} {
		b.Run("code/"+row.name, func(b *testing.B) { intake(b, writeCode(b, b.TempDir(), row.sizes...)) })
	}
	found, err := filepath.Glob(filepath.Join(os.Getenv(intakeWheels), "*.whl"))
	must(b, err)
	for _, path := range found {
		if os.Getenv(intakeWheels) != "" {
			b.Run("real/"+strings.Join(strings.SplitN(filepath.Base(path), "-", 3)[:2], "-"), func(b *testing.B) { intake(b, path) })
		}
	}
}

func intake(b *testing.B, path string) {
	b.Helper()
	check(b, path) // fills the cache of the file system
	times := series{}
	var info *wheel.Info
	for b.Loop() {
		for range 3 {
			begin, used := time.Now(), processorTime(b)
			info = check(b, path)
			times.add("clock", time.Since(begin).Seconds())
			times.add("processor", (processorTime(b) - used).Seconds())
		}
		report(b, float64(info.Unpacked)/1e6/times.median("processor"), "MB/s/core")
		report(b, float64(info.Unpacked)/1e6/times.median("clock"), "MB/s")
		report(b, times.median("clock"), "s")
		report(b, float64(info.Size)/1e6, "packed-MB")
		pinwheel := program(b, "pinwheel") // built once
		begin := time.Now()
		peak := start(b, nil, pinwheel, "check", path).wait()
		report(b, time.Since(begin).Seconds(), "program-s")
		report(b, peak, "program-peak-MB")
	}
}

func check(b *testing.B, path string) *wheel.Info {
	b.Helper()
	f, err := os.Open(path)
	must(b, err)
	defer f.Close()
	st, err := f.Stat()
	must(b, err)
	info, err := wheel.Inspect(b.Context(), f, st.Size(), filepath.Base(path), wheel.Limits{}, nil)
	must(b, err)
	return info
}

// BenchmarkIntakeSmall reads wheels of 17 KB one after the other, as most of an
// index are.
func BenchmarkIntakeSmall(b *testing.B) {
	const n = 500
	paths := writeWheels(b, b.TempDir(), 0, n, 4, 16<<10)
	for b.Loop() {
		begin, used := time.Now(), processorTime(b)
		for _, path := range paths {
			check(b, path)
		}
		report(b, time.Since(begin).Seconds()*1e6/n, "µs/wheel")
		report(b, (processorTime(b)-used).Seconds()*1e6/n, "processor-µs/wheel")
	}
}
