package wheel_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

func inspect(tb testing.TB, filename string, data []byte) (*wheel.Info, error) {
	tb.Helper()
	return wheel.Inspect(tb.Context(), bytes.NewReader(data), int64(len(data)), filename, wheel.Limits{}, nil)
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

func TestInspectWheel(t *testing.T) {
	t.Parallel()
	for name, deflate := range map[string]bool{"stored": false, "deflated": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := wheeltest.Wheel{
				Name: "Foo.Bar", Version: "2.9.1+rhaiv.3", Build: "4", Tags: "cp312-cp312-linux_x86_64", Summary: "a demo", License: "Apache-2.0",
				RequiresPython: ">=3.12", Requires: []string{"numpy>=2", "torch; extra == 'gpu'"}, Extras: []string{"gpu"}, Deflate: deflate,
			}
			data := wheeltest.Build(t, w)
			got, err := inspect(t, w.Filename(), data)
			if err != nil {
				t.Fatal(err)
			}
			want := &wheel.Info{
				Filename: w.Filename(), PackageType: "bdist_wheel", Project: "foo-bar", Name: "Foo.Bar", Version: mustVersion(t, "2.9.1+rhaiv.3"),
				Build: wheel.BuildTag{Number: "4"}, Tags: []wheel.Tag{{Python: "cp312", ABI: "cp312", Platform: "linux_x86_64"}},
				SHA256: sum(data), Size: int64(len(data)), Unpacked: 673, Members: 4, Metadata: []byte(w.METADATA()), MetadataSHA256: sum([]byte(w.METADATA())),
				RequiresPython: ">=3.12", Summary: "a demo", License: "Apache-2.0", Requires: w.Requires, ProvidesExtra: []string{"gpu"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// Spellings that differ between file name, dist-info and METADATA but mean the
// same; old builders make them all.
func TestInspectAcceptsOtherSpellings(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		filename string
		wheel    wheeltest.Wheel
	}{
		"case and separators of the file name": {"Foo.Bar-1.0-py3-none-any.whl", wheeltest.Wheel{Name: "foo-bar"}},
		"name in METADATA":                     {"foo_bar-1.0-py3-none-any.whl", wheeltest.Wheel{Name: "foo-bar", Metadata: "Metadata-Version: 2.1\nName: FOO--Bar\nVersion: 1.0\n"}},
		"zeros and epoch of the version":       {"foo-0!1-py3-none-any.whl", wheeltest.Wheel{Name: "foo", Version: "1.0.0"}},
		"local version with an underscore":     {"foo-1.0+a_b-py3-none-any.whl", wheeltest.Wheel{Name: "foo", Version: "1.0+A.b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := inspect(t, row.filename, wheeltest.Build(t, row.wheel)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestInspectSdist(t *testing.T) {
	t.Parallel()
	for _, ext := range []string{".tar.gz", ".zip"} {
		t.Run(ext, func(t *testing.T) {
			t.Parallel()
			s := wheeltest.Sdist{
				Name: "Foo-Bar", Version: "1.0", Ext: ext, Summary: "a demo", RequiresPython: ">=3.12", Requires: []string{"numpy"},
				Files: map[string]string{"a/PKG-INFO": "not this one", "big": strings.Repeat("x", 1<<20)},
			}
			data := wheeltest.BuildSdist(t, s)
			got, err := inspect(t, s.Filename(), data)
			if err != nil {
				t.Fatal(err)
			}
			if got.SHA256 != sum(data) || got.PackageType != "sdist" || got.Project != "foo-bar" || got.RequiresPython != ">=3.12" ||
				got.MetadataSHA256 != sum(got.Metadata) || !bytes.Contains(got.Metadata, []byte("Name: Foo-Bar\n")) {
				t.Errorf("got %+v", got)
			}
			s.NoPkgInfo = true
			data = wheeltest.BuildSdist(t, s)
			got, err = inspect(t, s.Filename(), data)
			if err != nil || got.Metadata != nil || got.MetadataSHA256 != "" || got.SHA256 != sum(data) || got.Name != "foo_bar" {
				t.Errorf("without PKG-INFO: %+v, %v", got, err)
			}
		})
	}
}

func TestInspectLimits(t *testing.T) {
	t.Parallel()
	many := map[string]string{"a": "", "b": "", "c": "", "d": ""}
	for name, row := range map[string]struct {
		limits wheel.Limits
		sdist  bool
		reason string
	}{
		"members":                 {wheel.Limits{Members: 6}, false, "7 members"},
		"directory":               {wheel.Limits{Directory: 100}, false, "zip directory"},
		"METADATA":                {wheel.Limits{Metadata: 10}, false, "more than 10"},
		"WHEEL":                   {wheel.Limits{WheelFile: 11}, false, "more than 11"},
		"RECORD":                  {wheel.Limits{Record: 12}, false, "more than 12"},
		"members of an sdist":     {wheel.Limits{Members: 2}, true, "more than 2 members"},
		"PKG-INFO":                {wheel.Limits{Metadata: 10}, true, "more than 10"},
		"unpacked bytes of sdist": {wheel.Limits{Unpacked: 1000}, true, "more than 1000 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			filename, data := wheeltest.Wheel{}.Filename(), wheeltest.Build(t, wheeltest.Wheel{Files: many})
			if row.sdist {
				filename, data = wheeltest.Sdist{}.Filename(), wheeltest.BuildSdist(t, wheeltest.Sdist{Files: many})
			}
			_, err := wheel.Inspect(t.Context(), bytes.NewReader(data), int64(len(data)), filename, row.limits, nil)
			var e *wheel.Error
			if !errors.As(err, &e) || e.Rule != wheel.RuleLimit || e.File != filename || !strings.Contains(e.Reason, row.reason) {
				t.Errorf("%v, want one about %q", err, row.reason)
			}
		})
	}
}

// faulty fails at an offset, as a disk does.
type faulty struct {
	io.ReaderAt
	at int64
}

var errDisk = errors.New("disk on fire")

func (f faulty) ReadAt(p []byte, off int64) (int, error) {
	if off <= f.at && f.at < off+int64(len(p)) {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(p, off)
}

// A bad disk is not a bad wheel: wherever it fails, the error is the disk's.
func TestInspectDiskErrors(t *testing.T) {
	t.Parallel()
	for _, file := range []struct {
		name string
		data []byte
	}{
		{wheeltest.Wheel{}.Filename(), wheeltest.Build(t, wheeltest.Wheel{Deflate: true})},
		{wheeltest.Sdist{}.Filename(), wheeltest.BuildSdist(t, wheeltest.Sdist{})},
		{wheeltest.Sdist{Ext: ".zip"}.Filename(), wheeltest.BuildSdist(t, wheeltest.Sdist{Ext: ".zip"})},
	} {
		for at := range len(file.data) {
			_, err := wheel.Inspect(t.Context(), faulty{bytes.NewReader(file.data), int64(at)}, int64(len(file.data)), file.name, wheel.Limits{}, nil)
			var e *wheel.Error
			if !errors.Is(err, errDisk) || errors.As(err, &e) || !strings.Contains(err.Error(), file.name) {
				t.Fatalf("%s, byte %d: %v", file.name, at, err)
			}
		}
		_, err := wheel.Inspect(t.Context(), bytes.NewReader(file.data), int64(len(file.data))+100, file.name, wheel.Limits{}, nil)
		if err == nil {
			t.Errorf("%s: a file that is shorter than it was said to be was read", file.name)
		}
	}
}

func TestInspectCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	data := wheeltest.Build(t, wheeltest.Wheel{})
	if _, err := wheel.Inspect(ctx, bytes.NewReader(data), int64(len(data)), wheeltest.Wheel{}.Filename(), wheel.Limits{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("wheel: %v", err)
	}
	data = wheeltest.BuildSdist(t, wheeltest.Sdist{})
	if _, err := wheel.Inspect(ctx, bytes.NewReader(data), int64(len(data)), wheeltest.Sdist{}.Filename(), wheel.Limits{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("sdist: %v", err)
	}
}

// Not parallel: it counts what the process allocates.
func TestInspectMemory(t *testing.T) {
	files := map[string]string{"big": strings.Repeat("x", 64<<20)}
	data := wheeltest.Build(t, wheeltest.Wheel{Files: files})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := inspect(t, wheeltest.Wheel{}.Filename(), data); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
		t.Errorf("a wheel of %d bytes took %d bytes of memory", len(data), used)
	}
}

func BenchmarkInspectSmall(b *testing.B) {
	w := wheeltest.Wheel{Summary: "a demo", Deflate: true}
	data := wheeltest.Build(b, w)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := inspect(b, w.Filename(), data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInspectLarge(b *testing.B) {
	w := wheeltest.Wheel{Files: map[string]string{"big": strings.Repeat("x", 64<<20)}}
	data := wheeltest.Build(b, w)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := inspect(b, w.Filename(), data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseVersion(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wheel.ParseVersion("2.9.1.post1+rhaiv.3"); err != nil {
			b.Fatal(err)
		}
	}
}
