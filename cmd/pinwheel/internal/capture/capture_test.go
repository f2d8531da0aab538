package capture_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content/memory"

	"github.com/pinwheel-oci/pinwheel/cmd/pinwheel/internal/capture"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/test/elftest"
)

// entry is one file of a root directory: content, a link, or a directory.
type entry struct {
	path, content, link string
	kind                byte // of tar; 0 is what the other fields say
}

func lib(path, soname string) entry {
	return entry{path: path, content: string(elftest.Library{Soname: soname}.Bytes())}
}

var libc = entry{path: "usr/lib64/libc.so.6", content: string(elftest.Library{
	Soname: "libc.so.6", Defines: []string{"GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.9", "GLIBC_PRIVATE"},
}.Bytes())}

// redHat is a root directory like those of Red Hat's images.
var redHat = []entry{
	{path: "lib64", link: "usr/lib64"},
	libc,
	lib("usr/lib64/libm.so.6", "libm.so.6"),
	{path: "usr/lib64/libstdc++.so.6.0.29", content: string(elftest.Library{
		Soname: "libstdc++.so.6", Defines: []string{"GLIBCXX_3.4", "GLIBCXX_3.4.9", "GLIBCXX_3.4.29", "CXXABI_1.3.13"},
	}.Bytes())},
	{path: "usr/lib64/libstdc++.so.6", link: "libstdc++.so.6.0.29"},
	{path: "usr/lib64/libc.so", content: "/* GNU ld script */"},
	{path: "usr/lib64/libold.so.1", content: string(elftest.Library{Soname: "libold.so.1", Machine: 3, Narrow: true}.Bytes())},
	lib("usr/lib64/libplain.so", ""),
	lib("usr/lib64/pkcs11/p11-kit-trust.so", "p11-kit-trust.so"),
	{path: "usr/lib64/libblas.so.3", link: "/etc/alternatives/blas"},
	{path: "etc/alternatives/blas", link: "../../opt/blas/libblas.so.3"},
	lib("opt/blas/libblas.so.3", "libblas.so.3"),
	{path: "usr/lib64/libloop.so", link: "libloop.so"},
	{path: "usr/lib64/libout.so", link: "../../../../../../../../etc/hostname"},
	{path: "etc/ld.so.conf", content: "# comment\ninclude ld.so.conf.d/*.conf\n"},
	{path: "etc/ld.so.conf.d/cuda.conf", content: "/usr/local/cuda/lib64 # here\n/nowhere\ninclude /etc/ld.so.conf.d/cuda.conf\n"},
	{path: "etc/ld.so.conf.d/other.txt", content: "/opt/other\n"},
	lib("opt/other/libother.so.1", "libother.so.1"),
	{path: "usr/local/cuda", link: "cuda-13.0"},
	lib("usr/local/cuda-13.0/lib64/libcudart.so.13.0.48", "libcudart.so.13"),
	{path: "usr/bin/python3", link: "python3.9"},
	{path: "usr/bin/python3.9", content: "elf"},
	{path: "usr/lib/python3.9/site-packages/dnf-4.14.0.dist-info/METADATA", content: "x"},
	{path: "usr/bin/python3.12", content: "elf"},
	{path: "usr/bin/python3.14", link: "/nowhere"},
	{path: "usr/lib/python3.12/site-packages/pip-23.0.dist-info/METADATA", content: "x"},
	{path: "opt/app-root/pyvenv.cfg", content: "x"},
	{path: "opt/app-root/bin/python3.12", link: "/usr/bin/python3.12"},
	{path: "opt/app-root/lib/python3.12/site-packages/pip-24.2.dist-info/METADATA", content: "x"},
	{path: "opt/app-root/lib64", link: "lib"},
	{path: "opt/app-root/lib/python3.12/site-packages/Ruamel.Yaml_clib-0.2.08.dist-info/METADATA", content: "x"},
	{path: "opt/app-root/lib/python3.12/site-packages/not_a_version-x.dist-info/METADATA", content: "x"},
	{path: "opt/app-root/lib/python3.12/site-packages/half-1.0.dist-info/RECORD", content: "x"},
	lib("opt/app-root/lib/python3.12/site-packages/torch/lib/libtorch.so", "libtorch.so"),
}

var redHatSays = &capture.System{
	Base: index.Base{
		Platform: "linux_x86_64",
		Libraries: []string{
			"libblas.so.3", "libc.so.6", "libcudart.so.13", "libm.so.6", "libplain.so", "libstdc++.so.6",
		},
		Python: map[string]map[string]string{"3.12": {"pip": "24.2", "ruamel-yaml-clib": "0.2.8"}, "3.9": {"dnf": "4.14.0"}},
	},
	Glibc: "2.34", Glibcxx: "3.4.29", Pythons: []string{"3.9", "3.12"},
}

func archive(t testing.TB, entries []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.path, Mode: 0o644, Size: int64(len(e.content)), Linkname: e.link, Typeflag: tar.TypeReg}
		if e.link != "" {
			h.Typeflag = tar.TypeSymlink
		}
		h.Typeflag = cmp.Or(e.kind, h.Typeflag)
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "root")
	for _, e := range redHat {
		file := filepath.Join(root, e.path)
		err := os.MkdirAll(filepath.Dir(file), 0o755)
		if err == nil && e.link != "" {
			err = os.Symlink(e.link, file)
		} else if err == nil {
			err = os.WriteFile(file, []byte(e.content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := capture.Directory(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(redHatSays, s); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestLinksStayInside puts a library where links that leave the root point to.
func TestLinksStayInside(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	root := filepath.Join(outside, "root")
	secret := []byte(lib("", "libsecret.so.1").content)
	for _, err := range []error{
		os.MkdirAll(filepath.Join(root, "usr/lib64"), 0o755),
		os.WriteFile(filepath.Join(root, libc.path), []byte(libc.content), 0o644),
		os.WriteFile(filepath.Join(outside, "libsecret.so.1"), secret, 0o644),
		os.Symlink("../../../libsecret.so.1", filepath.Join(root, "usr/lib64/liba.so.1")),
		os.Symlink(filepath.Join(outside, "libsecret.so.1"), filepath.Join(root, "usr/lib64/libb.so.1")),
		os.Symlink(outside, filepath.Join(root, "lib64")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := capture.Directory(t.Context(), root)
	if err != nil || !slices.Equal(s.Libraries, []string{"libc.so.6"}) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestTar(t *testing.T) {
	t.Parallel()
	plain := archive(t, redHat)
	var zipped, zstandard bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(plain)
	z.Close()
	y, err := zstd.NewWriter(&zstandard)
	if err != nil {
		t.Fatal(err)
	}
	y.Write(plain)
	y.Close()
	for name, data := range map[string][]byte{"plain": plain, "gzip": zipped.Bytes(), "zstd": zstandard.Bytes()} {
		s, err := capture.Tar(t.Context(), bytes.NewReader(data))
		if diff := gocmp.Diff(redHatSays, s); diff != "" || err != nil {
			t.Errorf("%s: %v; -want +got\n%s", name, err, diff)
		}
	}
}

func TestDebian(t *testing.T) {
	t.Parallel()
	s, err := capture.Tar(t.Context(), bytes.NewReader(archive(t, []entry{
		{path: "./lib", link: "usr/lib"},
		{path: "./usr/lib/aarch64-linux-gnu/libc.so.6", content: string(elftest.Library{Machine: 183, Soname: "libc.so.6", Defines: []string{"GLIBC_2.36"}}.Bytes())},
		{path: "./usr/lib/aarch64-linux-gnu/libm-2.36.so", content: string(elftest.Library{Machine: 183, Soname: "libm.so.6"}.Bytes())},
		{path: "./usr/lib/aarch64-linux-gnu/gl/libGL.so.1", content: string(elftest.Library{Machine: 183, Soname: "libGL.so.1"}.Bytes())},
		{path: "./usr/lib/aarch64-linux-gnu/preload.so", content: string(elftest.Library{Machine: 183, Soname: "libintl.so.8"}.Bytes())},
		{path: "./usr/bin/python3", link: "python3.11"},
		{path: "./usr/bin/python3.11", kind: tar.TypeLink, link: "usr/bin/real"},
		{path: "./usr/bin/real", content: "elf"},
		{path: "./usr/local/bin/python3.11", content: "elf"},
		{path: "./usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA", content: "x"},
	})))
	want := &capture.System{
		Base:  index.Base{Platform: "linux_aarch64", Libraries: []string{"libc.so.6", "libm.so.6", "preload.so"}, Python: map[string]map[string]string{"3.11": {"six": "1.16.0"}}},
		Glibc: "2.36", Pythons: []string{"3.11"},
	}
	if diff := gocmp.Diff(want, s); diff != "" || err != nil {
		t.Errorf("%v; -want +got\n%s", err, diff)
	}
}

// TestLargeLibrary has its dynamic section behind what is kept in memory.
func TestLargeLibrary(t *testing.T) {
	t.Parallel()
	large := elftest.Library{Soname: "libcublasLt.so.13", Data: make([]byte, 20<<20)}
	s, err := capture.Tar(t.Context(), bytes.NewReader(archive(t, []entry{
		libc, {path: "usr/lib64/libcublasLt.so.13.1.0.3", content: string(large.Bytes())},
	})))
	if err != nil || !slices.Equal(s.Libraries, []string{"libc.so.6", "libcublasLt.so.13"}) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestLayers(t *testing.T) {
	t.Parallel()
	below := []entry{libc, lib("usr/lib64/liba.so.1", "liba.so.1"), lib("usr/lib64/libb.so.1", "libb.so.1"), {path: "usr/lib64", kind: tar.TypeDir}}
	for name, c := range map[string]struct {
		above []entry
		want  []string
	}{
		"nothing above":            {nil, []string{"liba.so.1", "libb.so.1", "libc.so.6"}},
		"another version":          {[]entry{lib("usr/lib64/liba.so.1", "liba.so.2")}, []string{"liba.so.2", "libb.so.1", "libc.so.6"}},
		"a removed file":           {[]entry{{path: "usr/lib64/.wh.liba.so.1"}}, []string{"libb.so.1", "libc.so.6"}},
		"a removed directory":      {[]entry{{path: "usr/.wh.lib64"}, {path: "lib64/libc.so.6", content: libc.content}}, []string{"libc.so.6"}},
		"removed and made anew":    {[]entry{{path: "usr/lib64/.wh.liba.so.1"}, lib("usr/lib64/liba.so.1", "liba.so.3")}, []string{"liba.so.3", "libb.so.1", "libc.so.6"}},
		"an opaque directory":      {[]entry{libc, {path: "usr/lib64/.wh..wh..opq"}}, []string{"libc.so.6"}},
		"an opaque root":           {[]entry{{path: ".wh..wh..opq"}, libc}, []string{"libc.so.6"}},
		"a file for a directory":   {[]entry{{path: "usr", content: "x"}, {path: "lib64/libc.so.6", content: libc.content}}, []string{"libc.so.6"}},
		"a file that is no longer": {[]entry{{path: "usr/lib64/liba.so.1", content: "text"}}, []string{"libb.so.1", "libc.so.6"}},
		"a path that leads out":    {[]entry{lib("../../usr/lib64/liba.so.1", "libz.so.1")}, []string{"libb.so.1", "libc.so.6", "libz.so.1"}},
		"a device in its place":    {[]entry{{path: "usr/lib64/liba.so.1", kind: tar.TypeChar}}, []string{"libb.so.1", "libc.so.6"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newImages()
			layers := [][]entry{below}
			if c.above != nil {
				layers = append(layers, c.above)
			}
			list, err := capture.Image(t.Context(), i, i.image(t, ocispec.Image{}, layers...))
			if err != nil || len(list) != 1 || !slices.Equal(list[0].Libraries, c.want) {
				t.Fatalf("%+v, %v", list, err)
			}
		})
	}
}

// images is a store of container images.
type images struct{ *memory.Store }

func newImages() images { return images{memory.New()} }

func (i images) put(t testing.TB, mediaType string, data []byte) ocispec.Descriptor {
	t.Helper()
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	if ok, _ := i.Exists(t.Context(), desc); ok {
		return desc
	}
	if err := i.Push(t.Context(), desc, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	return desc
}

func (i images) document(t testing.TB, mediaType string, v any) ocispec.Descriptor {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return i.put(t, mediaType, data)
}

func (i images) image(t testing.TB, config ocispec.Image, layers ...[]entry) ocispec.Descriptor {
	t.Helper()
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: i.document(t, ocispec.MediaTypeImageConfig, config)}
	m.SchemaVersion = 2
	for _, entries := range layers {
		m.Layers = append(m.Layers, i.put(t, ocispec.MediaTypeImageLayer, archive(t, entries)))
	}
	return i.document(t, ocispec.MediaTypeImageManifest, m)
}

func TestImageOfSeveralPlatforms(t *testing.T) {
	t.Parallel()
	i := newImages()
	arm := entry{path: "usr/lib64/libc.so.6", content: string(elftest.Library{Machine: 183, Soname: "libc.so.6", Defines: []string{"GLIBC_2.34"}}.Bytes())}
	config := ocispec.Image{Config: ocispec.ImageConfig{Env: []string{"PATH=/bin", "LD_LIBRARY_PATH=/opt/nvidia/lib:/opt/x"}}}
	var list ocispec.Index
	for _, d := range []struct {
		desc     ocispec.Descriptor
		platform ocispec.Platform
	}{
		{i.image(t, config, []entry{libc}, []entry{lib("opt/nvidia/lib/libnv.so.1", "libnv.so.1")}), ocispec.Platform{OS: "linux", Architecture: "amd64"}},
		{i.image(t, ocispec.Image{}, []entry{arm}), ocispec.Platform{OS: "linux", Architecture: "arm64"}},
		{i.image(t, ocispec.Image{}, []entry{{path: "x", content: "x"}}), ocispec.Platform{OS: "unknown", Architecture: "unknown"}},
		{i.image(t, ocispec.Image{}, []entry{{path: "y", content: "y"}}), ocispec.Platform{OS: "windows", Architecture: "amd64"}},
	} {
		d.desc.Platform = &d.platform
		list.Manifests = append(list.Manifests, d.desc)
	}
	got, err := capture.Image(t.Context(), i, i.document(t, ocispec.MediaTypeImageIndex, list))
	want := []*capture.System{
		{Base: index.Base{Platform: "linux_aarch64", Libraries: []string{"libc.so.6"}}, Glibc: "2.34"},
		{Base: index.Base{Platform: "linux_x86_64", Libraries: []string{"libc.so.6", "libnv.so.1"}}, Glibc: "2.34"},
	}
	if diff := gocmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v; -want +got\n%s", err, diff)
	}
}

// lying serves other bytes than those of a digest.
type lying struct {
	images
	of digest.Digest
}

func (l lying) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	rc, err := l.images.Fetch(ctx, desc)
	if err != nil || desc.Digest != l.of {
		return rc, err
	}
	data, err := io.ReadAll(rc)
	data[len(data)/4] ^= 1 // amid the library
	return io.NopCloser(bytes.NewReader(data)), err
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	i := newImages()
	good := i.image(t, ocispec.Image{}, []entry{libc})
	layer := digest.FromBytes(archive(t, []entry{libc}))
	bomb := i.document(t, ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Config: i.document(t, ocispec.MediaTypeImageConfig, ocispec.Image{}),
		Layers: slices.Repeat([]ocispec.Descriptor{{Digest: layer, Size: 1}}, 600),
	})
	for name, c := range map[string]struct {
		from images
		lie  digest.Digest
		desc ocispec.Descriptor
		want string
	}{
		"a manifest of other bytes": {i, good.Digest, good, "another digest"},
		"a layer of other bytes":    {i, layer, good, "mismatch"},
		"an artifact":               {i, "", ocispec.Descriptor{MediaType: "application/x", Digest: good.Digest, Size: good.Size}, "not a container image"},
		"nothing for Linux":         {i, "", i.document(t, ocispec.MediaTypeImageIndex, ocispec.Index{}), "0 images for Linux"},
		"too many layers":           {i, "", bomb, "600 layers"},
		"a huge manifest":           {i, "", ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: good.Digest, Size: 1 << 40}, "the limit is"},
		"no libraries":              {i, "", i.image(t, ocispec.Image{}, []entry{{path: "x", content: "x"}}), capture.ErrNoPlatform.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := capture.Image(t.Context(), lying{c.from, c.lie}, c.desc); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := capture.Image(ctx, i, good); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := capture.Tar(t.Context(), strings.NewReader("no archive at all, "+strings.Repeat("x", 1000))); err == nil {
		t.Error("text was taken for an archive")
	}
}

func FuzzTar(f *testing.F) {
	f.Add(archive(f, redHat[:8]))
	f.Add(archive(f, []entry{libc, {path: "a/.wh.b"}, {path: "usr/bin/python3", link: "python3.9"}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := capture.Tar(t.Context(), bytes.NewReader(data))
		if err == nil && !slices.IsSorted(s.Libraries) {
			t.Errorf("libraries %q", s.Libraries)
		}
	})
}
