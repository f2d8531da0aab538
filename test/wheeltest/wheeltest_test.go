package wheeltest_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/test/tools"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

func TestBuildIsValid(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]wheeltest.Wheel{
		"zero value": {},
		"everything": {
			Name: "Foo.Bar-baz", Version: "2.9.1+rhaiv.3", Build: "4cuda", Tags: "cp311.cp312-abi3-manylinux_2_28_x86_64.manylinux2014_x86_64",
			Requires: []string{"numpy>=2"}, RequiresPython: ">=3.11,<3.14", Summary: "Größe, and \"quotes\"", License: "Apache-2.0",
			Files: map[string]string{`foo, "bar".py`: "1\n", "empty": ""}, Deflate: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := wheeltest.Build(t, w)
			if !bytes.Equal(data, wheeltest.Build(t, w)) {
				t.Error("the same description gave other bytes")
			}
			info, err := wheel.Inspect(t.Context(), bytes.NewReader(data), int64(len(data)), w.Filename(), wheel.Limits{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if string(info.Metadata) != w.METADATA() {
				t.Errorf("METADATA is %q, want %q", info.Metadata, w.METADATA())
			}
		})
	}
}

func TestBuildHasNoDataDescriptors(t *testing.T) {
	t.Parallel()
	for _, w := range []wheeltest.Wheel{{}, {Deflate: true}} {
		if bytes.Contains(wheeltest.Build(t, w), []byte("PK\x07\x08")) {
			t.Errorf("%+v: the zip has a data descriptor", w)
		}
	}
}

// TestPipInstalls has the real installer take what Build and BuildSdist make.
func TestPipInstalls(t *testing.T) {
	t.Parallel()
	python, err := filepath.Abs("../../.tools/py/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if exec.CommandContext(t.Context(), python, "-m", "pip", "--version").Run() != nil {
		tools.Missing(t, "needs pip in .tools/py")
	}
	dir := t.TempDir()
	plain := wheeltest.Write(t, dir, wheeltest.Wheel{Summary: "a demo"})
	packed := wheeltest.Write(t, dir, wheeltest.Wheel{Name: "Foo.Bar", Version: "2.0+local.1", Requires: []string{"demo>=1"}, Deflate: true})
	out, err := exec.CommandContext(t.Context(), python, "-m", "pip", "install", "--no-index", "--isolated",
		"--disable-pip-version-check", "--target", filepath.Join(dir, "site"), plain, packed).CombinedOutput()
	if err != nil {
		t.Fatalf("pip install: %v\n%s", err, out)
	}
	check := exec.CommandContext(t.Context(), python, "-c",
		"import demo, foo_bar, importlib.metadata as m; assert m.version('foo-bar') == '2.0+local.1' and demo.__version__ == '1.0'")
	check.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(dir, "site"))
	if out, err := check.CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
}

func BenchmarkBuild(b *testing.B) {
	for b.Loop() {
		wheeltest.Build(b, wheeltest.Wheel{Summary: "a demo"})
	}
}
