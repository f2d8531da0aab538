// Package e2e drives the real programs with real clients, registries and
// mirroring tools, as users do.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// built are the programs, compiled once for all tests.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// program returns the path of pinwheel or pinwheel-shim.
func program(t testing.TB, name string) string {
	t.Helper()
	built.once.Do(func() {
		built.dir, built.err = os.MkdirTemp("", "pinwheel-e2e-*")
		if built.err != nil {
			return
		}
		root, err := tools.Root()
		if err != nil {
			built.err = err
			return
		}
		build := exec.Command("go", "build", "-o", built.dir+"/", "./cmd/...")
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, name)
}

// user is somebody with a home directory and nothing else: no configuration of
// the machine's reaches the programs that run runs.
type user struct {
	t    testing.TB
	home string
	env  []string
}

func newUser(t testing.TB, env ...string) *user {
	t.Helper()
	home := t.TempDir()
	base := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + t.TempDir(), "PIP_CONFIG_FILE=" + os.DevNull,
		"PIP_DISABLE_PIP_VERSION_CHECK=1", "DOCKER_CONFIG=" + home, "UV_NO_CONFIG=1", "UV_PYTHON_DOWNLOADS=never", "TUF_MIRROR=http://127.0.0.1:1"}
	return &user{t, home, append(base, env...)}
}

// try runs a program and returns what it printed.
func (u *user) try(name string, args ...string) (stdout string, err error) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Dir = u.env, u.home
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, &out, &errOut)
	}
	return out.String(), err
}

// run is try that must succeed.
func (u *user) run(name string, args ...string) string {
	u.t.Helper()
	out, err := u.try(name, args...)
	if err != nil {
		u.t.Fatal(err)
	}
	return out
}

// realWheels is a directory with the wheels of the demo: "first" or "second".
func realWheels(t testing.TB, which string) string {
	t.Helper()
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, ".tools", "wheels", which)
	if _, err := os.Stat(filepath.Join(dir, ".complete")); err != nil {
		tools.Missing(t, "the real wheels are not here; run test/tools/install demo")
	}
	return dir
}

const indexName = "demo/1.0/cpu"

// vendor publishes: it has a key, and a policy that trusts it.
type vendor struct {
	*user
	key, pub, policy string
	flags            []string // for reaching the registry
}

func newVendor(t testing.TB, flags ...string) *vendor {
	t.Helper()
	u := newUser(t)
	u.run(program(t, "pinwheel"), "key", "new", "--no-password", "vendor")
	v := &vendor{user: u, key: filepath.Join(u.home, "vendor.key"), pub: filepath.Join(u.home, "vendor.pub"),
		policy: filepath.Join(u.home, "policy.yaml"), flags: flags}
	text := "version: 1\nkeys:\n  vendor: {file: vendor.pub, roles: [release, promote, refresh]}\nindexes:\n  - name: " + indexName + "\n"
	if err := os.WriteFile(v.policy, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return v
}

// pinwheel runs a writing command and returns its answer.
func (v *vendor) pinwheel(command, to string, args ...string) map[string]any {
	v.t.Helper()
	all := append([]string{command, "--format", "json", "--to", to, "--index", indexName, "--key", v.key}, v.flags...)
	out := v.run(program(v.t, "pinwheel"), append(all, args...)...)
	var answer map[string]any
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		v.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return answer
}

// release publishes wheels and makes them live; it returns the digest.
func (v *vendor) release(to, wheels string) string {
	v.t.Helper()
	v.pinwheel("publish", to, wheels)
	return v.pinwheel("promote", to, "--reason", "test")["revision"].(string)
}

// shim is a running pinwheel-shim.
type shim struct {
	url  string // without a slash at the end
	stop func()
}

// serve starts the shim on a store and waits until it is ready.
func (v *vendor) serve(source string, args ...string) *shim {
	v.t.Helper()
	dir := v.t.TempDir()
	addr := filepath.Join(dir, "addr")
	all := append([]string{"serve", "--source", source, "--policy", v.policy, "--state", filepath.Join(dir, "state"),
		"--listen", "127.0.0.1:0", "--addr-file", addr, "--poll", "200ms", "--max-age", "0s"}, args...)
	cmd := exec.Command(program(v.t, "pinwheel-shim"), all...)
	cmd.Env, cmd.Dir = v.env, v.home
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	s := &shim{stop: sync.OnceFunc(func() { cmd.Process.Signal(os.Interrupt); <-done })}
	v.t.Cleanup(s.stop)
	for range 200 {
		if data, err := os.ReadFile(addr); err == nil && len(data) > 0 {
			s.url = "http://" + strings.TrimSpace(string(data))
			if code, _ := get(s.url + "/readyz"); code == http.StatusOK {
				return s
			}
		}
		select {
		case <-done:
			v.t.Fatalf("the shim stopped:\n%s", &log)
		case <-time.After(50 * time.Millisecond):
		}
	}
	s.stop()
	v.t.Fatalf("the shim did not become ready:\n%s", &log)
	return nil
}

func (s *shim) simple() string { return s.url + "/" + indexName + "/simple/" }

func get(url string) (int, string) {
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(body)
}

const imports = `import bcrypt, idna, jinja2, markupsafe, six; assert bcrypt.checkpw(b"x", bcrypt.hashpw(b"x", bcrypt.gensalt(4))); print(six.__version__)`

// pipInstall installs into a fresh environment with pip, imports the packages
// and returns six's version.
func pipInstall(t testing.TB, args ...string) string {
	t.Helper()
	u := newUser(t)
	u.run("python3", "-m", "venv", "v")
	python := filepath.Join(u.home, "v/bin/python")
	u.run(python, append([]string{"-m", "pip", "install", "--quiet", "bcrypt", "idna", "jinja2", "six"}, args...)...)
	return strings.TrimSpace(u.run(python, "-c", imports))
}

// uvInstall is pipInstall with uv.
func uvInstall(t testing.TB, args ...string) string {
	t.Helper()
	uv := tools.Need(t, "uv")
	u := newUser(t)
	u.run(uv, "venv", "--quiet", "v")
	python := filepath.Join(u.home, "v/bin/python")
	u.run(uv, append([]string{"pip", "install", "--quiet", "--python", python, "bcrypt", "idna", "jinja2", "six"}, args...)...)
	return strings.TrimSpace(u.run(python, "-c", imports))
}
