package capture_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/cmd/pinwheel/internal/capture"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

var cacheLine = regexp.MustCompile(`(?m)^\t(\S+) -> `)

// TestLikeLdconfig copies libraries of this machine into a root directory and
// compares what is found with what ldconfig would enter into the loader's cache.
func TestLikeLdconfig(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		tools.Missing(t, "needs the libraries of a Linux machine")
	}
	ldconfig := "/sbin/ldconfig"
	if _, err := os.Stat(ldconfig); err != nil {
		ldconfig = tools.Need(t, "ldconfig")
	}
	root := t.TempDir()
	var real string
	for i, pattern := range []string{"/usr/lib/*-linux-gnu/libc.so.6", "/usr/lib64/libc.so.6", "/usr/lib/*-linux-gnu/lib[a-mz]*.so.?", "/usr/lib64/lib[a-mz]*.so.?"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for n, file := range files[:min(len(files), 60)] {
			to := filepath.Join(root, "opt/vendor/lib", filepath.Base(file))
			if i < 2 || n%2 == 0 {
				to = filepath.Join(root, file)
			}
			copyLibrary(t, file, to)
			real = filepath.Dir(file)
		}
	}
	if real == "" {
		tools.Missing(t, "needs libraries where Debian or Red Hat have them")
	}
	conf := filepath.Join(root, "etc/ld.so.conf.d")
	for _, err := range []error{
		os.MkdirAll(conf, 0o755),
		os.WriteFile(conf+"/vendor.conf", []byte("/opt/vendor/lib\n"+real+"\n"), 0o644),
		os.WriteFile(filepath.Join(root, "etc/ld.so.conf"), []byte("include /etc/ld.so.conf.d/*.conf\n"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(ldconfig, "-r", root, "-v", "-N", "-X").Output()
	if err != nil {
		tools.Missing(t, "needs an ldconfig that can read another root directory: "+err.Error())
	}
	var want []string
	for _, m := range cacheLine.FindAllStringSubmatch(string(out), -1) {
		want = append(want, m[1])
	}
	slices.Sort(want)
	s, err := capture.Directory(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Compact(want), s.Libraries); diff != "" || len(want) < 10 {
		t.Errorf("%d libraries; -ldconfig +ours\n%s", len(want), diff)
	}
}

// copyLibrary copies what a link leads to under the name that it has itself,
// and leaves out links of developers.
func copyLibrary(t *testing.T, file, to string) {
	t.Helper()
	real, err := filepath.EvalSymlinks(file)
	if err != nil || strings.HasSuffix(file, ".so") {
		return
	}
	data, err := os.ReadFile(real)
	if err == nil && len(data) < 8<<20 {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
		if err == nil {
			err = os.WriteFile(filepath.Join(filepath.Dir(to), filepath.Base(real)), data, 0o644)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
