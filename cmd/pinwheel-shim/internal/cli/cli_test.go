package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pinwheel-oci/pinwheel/cmd/pinwheel-shim/internal/cli"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/shimtest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// asProgram makes the test binary be the program.
const asProgram = "PINWHEEL_SHIM_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func policyFile(t *testing.T, lines ...string) string {
	t.Helper()
	w := shimtest.New(t, registry.NewMemory(), "vendor")
	return write(t, filepath.Join(t.TempDir(), "policy.yaml"), w.Policy(lines...))
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	const source = "oci-layout:nowhere"
	good := policyFile(t)
	typo := policyFile(t, "onStael: stop")
	state := t.TempDir()
	damaged := write(t, filepath.Join(state, "tools", "3.4", "cpu-ubi9", "live.json"), []byte("{"))
	for name, row := range map[string]struct {
		args []string
		code int
		want []string // in standard error
	}{
		"no source":                  {[]string{"serve", "--policy", good}, 2, []string{"pinwheel-shim: no source: give --source", "hint: see --help"}},
		"no policy":                  {[]string{"serve", "--source", source}, 2, []string{"no policy: give --policy FILE"}},
		"a source with a tag":        {[]string{"serve", "--source", "registry.example/repo:tag", "--policy", good}, 2, []string{"registry.example/repo:tag: leave out tag and digest"}},
		"a source without a host":    {[]string{"serve", "--source", "repo", "--policy", good}, 2, []string{`repo`}},
		"an index of no policy":      {[]string{"serve", "--source", source, "--policy", good, "--index", "tools/3.4/other"}, 2, []string{"--index tools/3.4/other", "has no such index"}},
		"no index name":              {[]string{"serve", "--source", source, "--policy", good, "--index", "tools"}, 2, []string{"tools"}},
		"an argument":                {[]string{"serve", "x"}, 2, []string{`takes no arguments, got "x"`}},
		"an unknown flag":            {[]string{"serve", "--sauce", "x"}, 2, []string{"unknown flag: --sauce"}},
		"an unknown log format":      {[]string{"serve", "--log-format", "xml"}, 2, []string{`--log-format "xml": want text or json`}},
		"polling without a pause":    {[]string{"serve", "--source", source, "--policy", good, "--poll", "1ms"}, 2, []string{"--poll wants at least 100ms"}},
		"a policy that is not there": {[]string{"serve", "--source", source, "--policy", "nowhere.yaml"}, 8, []string{"nowhere.yaml"}},
		"a typo in a policy":         {[]string{"serve", "--source", source, "--policy", typo}, 8, []string{typo, "onStael"}},
		"a damaged state":            {[]string{"serve", "--source", source, "--policy", good, "--state", state}, 8, []string{"state file " + damaged, "hint: the file remembers"}},
		"an address that is none":    {[]string{"serve", "--source", source, "--policy", good, "--state", t.TempDir(), "--listen", "localhost"}, 1, []string{"listen at localhost"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			code := cli.Main(row.args, &out, &errOut)
			if code != row.code || out.Len() > 0 {
				t.Errorf("exit code %d, want %d; output %q", code, row.code, out.String())
			}
			for _, want := range row.want {
				if !strings.Contains(errOut.String(), want) {
					t.Errorf("no %q in %q", want, errOut.String())
				}
			}
		})
	}
}

func TestVersionAndCompletion(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"version"}, {"completion", "bash"}, {"serve", "--help"}} {
		var out, errOut bytes.Buffer
		if code := cli.Main(args, &out, &errOut); code != 0 || out.Len() == 0 || errOut.Len() > 0 {
			t.Errorf("%v: exit code %d, %d bytes, %q", args, code, out.Len(), errOut.String())
		}
	}
}

// program is the shim as a process.
type program struct {
	cmd  *exec.Cmd
	base string // http://127.0.0.1:port
	out  bytes.Buffer
	err  bytes.Buffer
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	addr := filepath.Join(t.TempDir(), "addr")
	p := &program{}
	p.cmd = exec.CommandContext(t.Context(), os.Args[0], append([]string{"serve", "--listen", "127.0.0.1:0", "--addr-file", addr, "--poll", "200ms"}, args...)...)
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the address", func() bool {
		data, err := os.ReadFile(addr)
		p.base = "http://" + strings.TrimSpace(string(data))
		return err == nil && len(data) > 0
	})
	return p
}

// await asks until something holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-ticker.C:
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// stop ends the program as an operator does and wants it to end well.
func (p *program) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, p.err.String())
	}
}

func openLayout(t *testing.T, dir string) registry.Store {
	t.Helper()
	store, err := registry.Open(t.Context(), registry.Reference{Kind: registry.KindLayout, Dir: dir}, registry.Options{CreateLayout: true})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// The program starts before its medium is there, says why it is not ready,
// serves as soon as it can, and goes on where it was after a restart.
func TestServe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	layout, empty := filepath.Join(dir, "layout"), filepath.Join(dir, "empty")
	openLayout(t, empty)
	args := []string{
		"--source", "oci-layout:" + empty, "--source", "oci-layout:" + layout, "--policy", policyFile(t, "freshness: none"),
		"--state", filepath.Join(dir, "state"), "--candidate", "--log-format", "json",
	}
	p := start(t, args...)
	if code, body := get(t, p.base+"/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, layout) {
		t.Errorf("/readyz without a layout: %d %s", code, body)
	}
	if code, _ := get(t, p.base+"/livez"); code != http.StatusOK {
		t.Errorf("/livez: %d", code)
	}
	w := shimtest.New(t, openLayout(t, layout), "vendor")
	one := w.PublishLive(wheeltest.Wheel{Version: "1"})
	await(t, "readiness", func() bool { code, _ := get(t, p.base+"/readyz"); return code == http.StatusOK })
	if code, body := get(t, p.base+"/tools/3.4/cpu-ubi9/simple/demo/"); code != 200 || !strings.Contains(body, "demo-1-py3-none-any.whl") {
		t.Errorf("page: %d %s", code, body)
	}
	two := w.Publish(wheeltest.Wheel{Version: "2"})
	await(t, "the candidate", func() bool {
		_, body := get(t, p.base+"/tools/3.4/cpu-ubi9-test/-/latest")
		return strings.Contains(body, string(two))
	})
	if _, body := get(t, p.base+"/tools/3.4/cpu-ubi9/-/latest"); !strings.Contains(body, string(one)) {
		t.Errorf("live: %s", body)
	}
	w.Promote()
	await(t, "the promotion", func() bool {
		_, body := get(t, p.base+"/tools/3.4/cpu-ubi9/-/latest")
		return strings.Contains(body, string(two))
	})
	p.stop(t)
	if want := p.base + "/tools/3.4/cpu-ubi9/simple/\n" + p.base + "/tools/3.4/cpu-ubi9-test/simple/\n"; p.out.String() != want {
		t.Errorf("output %q, want %q", p.out.String(), want)
	}
	checkLog(t, p.err.String())

	again := start(t, args...)
	await(t, "readiness", func() bool { code, _ := get(t, again.base+"/readyz"); return code == http.StatusOK })
	if _, body := get(t, again.base+"/tools/3.4/cpu-ubi9/-/sha256-"+one.Encoded()+"/simple/demo/"); !strings.Contains(body, "demo-1-py3") || strings.Contains(body, "demo-2-py3") {
		t.Errorf("pinned page %s", body)
	}
	again.stop(t)
}

func checkLog(t *testing.T, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		var record struct{ Level, Msg string }
		if err := json.Unmarshal([]byte(line), &record); err != nil || record.Msg == "" {
			t.Errorf("log line %q: %v", line, err)
		}
	}
	if !strings.Contains(log, `"msg":"serving"`) {
		t.Errorf("log %s", log)
	}
}

// A download that is under way when the program is told to stop is finished.
func TestDrain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	layout := filepath.Join(dir, "layout")
	big := wheeltest.Wheel{Files: map[string]string{"demo/data.bin": strings.Repeat("0123456789abcdef", 2<<20)}}
	shimtest.New(t, openLayout(t, layout), "vendor").PublishLive(big)
	p := start(t, "--source", "oci-layout:"+layout, "--policy", policyFile(t, "freshness: none"), "--state", filepath.Join(dir, "state"))
	_, page := get(t, p.base+"/tools/3.4/cpu-ubi9/simple/demo/?format=json")
	_, rest, _ := strings.Cut(page, `"url":"../../`)
	path, _, _ := strings.Cut(rest, `"`)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+"/tools/3.4/cpu-ubi9/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || n != resp.ContentLength || n < 32<<20 {
		t.Errorf("%d of %d bytes, %v", n, resp.ContentLength, err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, p.err.String())
	}
}
