package bench_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pinwheel-oci/pinwheel/test/signtest"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// built are the programs, compiled once.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(floorEnv); dir != "" {
		serveFloor(dir)
		return
	}
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// program returns the path of pinwheel or pinwheel-shim.
func program(b *testing.B, name string) string {
	b.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "pinwheel-bench-*"); built.err != nil {
			return
		}
		root, err := tools.Root()
		if err != nil {
			built.err = err
			return
		}
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", built.dir+"/", "./cmd/...")
		build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		b.Fatal(built.err)
	}
	return filepath.Join(built.dir, name)
}

// process is a program that runs.
type process struct {
	b    *testing.B
	pid  int
	log  bytes.Buffer // to be read after done
	done chan struct{}
	err  error
	kill func()
}

func start(b *testing.B, env []string, name string, args ...string) *process {
	b.Helper()
	cmd := exec.Command(name, args...)
	home := b.TempDir()
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "DOCKER_CONFIG=" + home}, env...)
	p := &process{b: b, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	must(b, cmd.Start())
	p.pid = cmd.Process.Pid
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	p.kill = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-p.done
	})
	b.Cleanup(p.kill)
	return p
}

// wait waits for the program's end and returns the most memory that it had
// resident, in MB. The kernel's own figure for a child that has ended is of no
// use: it begins with that of its parent.
func (p *process) wait() float64 {
	p.b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	peak := 0.0
	for {
		select {
		case <-p.done:
			if p.err != nil {
				p.b.Fatalf("%v\n%s", p.err, &p.log)
			}
			return peak
		case <-tick.C:
			peak = max(peak, p.memory("VmHWM"))
		}
	}
}

// memory reads a line of /proc/PID/status, in MB; 0 once the process has ended.
func (p *process) memory(field string) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kb * 1024 / 1e6
		}
	}
	return 0
}

// cpu is the processor time of some processes so far, in seconds, in steps of
// one hundredth.
func cpu(b *testing.B, pids []int) float64 {
	b.Helper()
	ticks := 0.0
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		must(b, err)
		// The second field, the name, may hold blanks; utime and stime are the
		// twelfth and thirteenth after it.
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		for _, f := range fields[11:13] {
			n, err := strconv.ParseFloat(f, 64)
			must(b, err)
			ticks += n
		}
	}
	return ticks / 100
}

// until asks again and again until what is asked for is there.
func until(b *testing.B, p *process, every time.Duration, ready func() bool) {
	b.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !ready() {
		select {
		case <-tick.C:
		case <-p.done:
			b.Fatalf("the program ended: %v\n%s", p.err, &p.log)
		case <-deadline:
			p.kill()
			b.Fatalf("not ready in a minute\n%s", &p.log)
		}
	}
}

// keyFiles writes the key pair of [signer] and a policy that trusts it.
func keyFiles(b *testing.B) (key, policy string) {
	b.Helper()
	_, _, private, public := signtest.ECDSA(b, "bench")
	dir := b.TempDir()
	key, policy = filepath.Join(dir, "bench.key"), filepath.Join(dir, "policy.yaml")
	must(b, os.WriteFile(key, private, 0o600))
	must(b, os.WriteFile(filepath.Join(dir, "bench.pub"), public, 0o600))
	text := "version: 1\nkeys:\n  bench: {file: bench.pub, roles: [release, promote, refresh]}\nindexes:\n  - name: " + indexName.String() + "\n"
	must(b, os.WriteFile(policy, []byte(text), 0o600))
	return key, policy
}

// shim is a running pinwheel-shim.
type shim struct {
	*process
	root string // URL of the index, without a slash at the end
}

// serve starts the shim and waits until it has answered page with 200.
func serve(b *testing.B, source, page string) *shim {
	b.Helper()
	dir := b.TempDir()
	_, policy := keyFiles(b)
	addr := filepath.Join(dir, "addr")
	s := &shim{process: start(b, nil, program(b, "pinwheel-shim"), "serve", "--source", source, "--plain-http", "--policy", policy,
		"--state", filepath.Join(dir, "state"), "--listen", "127.0.0.1:0", "--addr-file", addr, "--poll", "1h")}
	client := http.Client{Timeout: time.Minute}
	until(b, s.process, time.Millisecond, func() bool {
		if s.root == "" {
			data, err := os.ReadFile(addr)
			if err != nil || len(data) == 0 {
				return false
			}
			s.root = "http://" + strings.TrimSpace(string(data)) + "/" + indexName.String()
		}
		resp, err := client.Get(s.root + page)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return s
}
