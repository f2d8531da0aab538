package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pinwheel-oci/pinwheel/cmd/pinwheel/internal/capture"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/elftest"
)

// rootfs makes a root directory with libraries and a Python.
func rootfs(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for path, content := range map[string][]byte{
		"usr/lib64/libc.so.6":      elftest.Library{Soname: "libc.so.6", Defines: []string{"GLIBC_2.34"}}.Bytes(),
		"usr/lib64/libstdc++.so.6": elftest.Library{Soname: "libstdc++.so.6", Defines: []string{"GLIBCXX_3.4.29"}}.Bytes(),
		"usr/bin/python3.10":       []byte("elf"),
		"usr/lib/python3.10/site-packages/Some_Thing-1.10.dist-info/METADATA": []byte("x"),
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func run(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(args, os.Stdin, &o, &e)
	return code, o.String(), e.String()
}

// TestCaptureIsPartOfATarget reads back what was captured.
func TestCaptureIsPartOfATarget(t *testing.T) {
	t.Parallel()
	root := rootfs(t)
	code, out, errOut := run(t, "check", "--capture", root)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errOut)
	}
	if want := "linux_x86_64: 2 libraries, glibc 2.34, libstdc++ 3.4.29, 1 distributions of Python 3.10\n"; errOut != want {
		t.Errorf("standard error %q, want %q", errOut, want)
	}
	file := filepath.Join(t.TempDir(), "target.yaml")
	if err := os.WriteFile(file, []byte(out+"platforms: [linux_x86_64]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := loadTarget(file)
	want := &index.Target{
		Base: []index.Base{{
			Libraries: []string{"libc.so.6", "libstdc++.so.6"}, Platform: "linux_x86_64", Python: map[string]map[string]string{"3.10": {"some-thing": "1.10"}},
		}},
		Glibc: "2.34", Glibcxx: "3.4.29", Platforms: []string{"linux_x86_64"}, Pythons: []string{"3.10"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v; -want +got\n%s\n%s", err, diff, out)
	}
	var doc captured
	if code, out, _ = run(t, "check", "--capture", root, "--format", "json"); code != 0 || json.Unmarshal([]byte(out), &doc) != nil || doc.Glibc != "2.34" {
		t.Errorf("JSON, exit code %d: %s", code, out)
	}
}

func TestCaptureImageInALayout(t *testing.T) {
	t.Parallel()
	layout := filepath.Join(t.TempDir(), "image")
	s, err := registry.Open(t.Context(), registry.Reference{Kind: registry.KindLayout, Dir: layout}, registry.Options{CreateLayout: true})
	if err != nil {
		t.Fatal(err)
	}
	put := func(mediaType string, data []byte, tag string) ocispec.Descriptor {
		desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
		if tag != "" {
			err = s.PushReference(t.Context(), desc, bytes.NewReader(data), tag)
		} else {
			err = s.Push(t.Context(), desc, bytes.NewReader(data))
		}
		if err != nil {
			t.Fatal(err)
		}
		return desc
	}
	m := ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    put(ocispec.MediaTypeImageConfig, []byte(`{"architecture":"arm64","os":"linux"}`), ""),
		Layers:    []ocispec.Descriptor{put(ocispec.MediaTypeImageLayer, make([]byte, 1024), "")},
	}
	m.SchemaVersion = 2
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	put(ocispec.MediaTypeImageManifest, data, "3.4")
	code, out, errOut := run(t, "check", "--capture", "oci-layout:"+layout+":3.4", "--format", "json")
	if code != 0 || !strings.Contains(out, `"platform": "linux_aarch64"`) {
		t.Errorf("exit code %d: %s%s", code, out, errOut)
	}
	for want, from := range map[string]string{
		"write oci-layout:":    layout,
		"add :TAG or @sha256:": "oci-layout:" + layout,
		"not found":            "oci-layout:" + layout + ":3.5",
	} {
		if code, _, errOut := run(t, "check", "--capture", from); code == 0 || !strings.Contains(errOut, want) {
			t.Errorf("%s: exit code %d, %s", from, code, errOut)
		}
	}
}

func TestCaptureRefuses(t *testing.T) {
	t.Parallel()
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	for want, args := range map[string][]string{
		"want a root directory":  {""},
		"no such file":           {nowhere},
		"leave out \"dist\"":     {"/", "dist"},
		"no registry host":       {"dist"},
		"no C library, no other": {t.TempDir()},
	} {
		code, out, errOut := run(t, append([]string{"check", "--capture"}, args...)...)
		if code == 0 || out != "" || !strings.Contains(errOut, want) {
			t.Errorf("%q: exit code %d, %s%s", args, code, out, errOut)
		}
	}
}

func TestLowerLevel(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"2.34", "2.9", "2.9"}, {"2.9", "2.34", "2.9"}, {"2.34", "2.34", "2.34"}, {"", "2.34", ""}, {"2.34", "", ""},
		{"3.4", "3.4.29", "3.4"}, {"3.4.29", "3.4", "3.4"}, {"3.4.9", "3.4.30", "3.4.9"},
	} {
		if got := lowerLevel(c[0], c[1]); got != c[2] {
			t.Errorf("%s and %s: %s, want %s", c[0], c[1], got, c[2])
		}
	}
	if !slices.IsSorted(joinSystems(systemsOf("3.9", "3.10")).Pythons) {
		t.Error("Pythons are not in the order of a target")
	}
}

func systemsOf(pythons ...string) []*capture.System {
	return []*capture.System{{Pythons: pythons}, {Pythons: pythons}}
}
