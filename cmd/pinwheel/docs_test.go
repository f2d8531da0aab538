package main_test

import (
	"bufio"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/test/registrytest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// TestPublishingPage runs every command of docs/publishing.md, in order, and
// compares what it prints with what the page shows. registry.example is a
// registry in this process, whose certificate the system is made to trust.
func TestPublishingPage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for at, w := range map[string]wheeltest.Wheel{
		"dist/a":  {Name: "demo", Version: "1.0"},
		"dist/b":  {Name: "numbers", Version: "2.2", Tags: "cp312-cp312-linux_x86_64"},
		"rebuilt": {Name: "demo", Version: "1.0", Build: "1"},
		"more":    {Name: "more", Version: "1.0"},
		"next":    {Name: "demo", Version: "2.0"},
		"last":    {Name: "last", Version: "1.0"},
		"later":   {Name: "demo", Version: "3.0"},
		"torn":    {Name: "torn", Version: "1.0", Requires: []string{"demo>=2"}},
	} {
		sub, _, _ := strings.Cut(at, "/")
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
		wheeltest.Write(t, filepath.Join(dir, sub), w)
	}
	server := httptest.NewTLSServer(registrytest.Handler(registrytest.Quirks{}))
	t.Cleanup(server.Close)
	runPage(t, "../../docs/publishing.md", dir, strings.TrimPrefix(server.URL, "https://"), certificateFile(t, server))
}

// certificateFile is what SSL_CERT_FILE names.
func certificateFile(t *testing.T, server *httptest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// step is one command of a page and what the page shows as its output.
type step struct {
	line    int
	command string
	output  []string
}

// runPage runs the console blocks of a page in dir, where it also writes the YAML
// blocks whose first line names a file.
func runPage(t *testing.T, page, dir, host, certificates string) {
	t.Helper()
	steps := readPage(t, page, dir)
	if len(steps) == 0 {
		t.Fatal("no commands on this page")
	}
	env := append(os.Environ(), "HOME="+dir, "SSL_CERT_FILE="+certificates, "REGISTRY_AUTH_FILE=", "DOCKER_CONFIG=", "PINWHEEL_LEASE_WAIT=50ms")
	exports := ""
	for _, s := range steps {
		command := strings.ReplaceAll(s.command, "registry.example", host)
		if strings.HasPrefix(command, "export ") {
			exports += command + "\n"
			continue
		}
		cmd := exec.CommandContext(t.Context(), "bash", "-c", exports+command)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		got := strings.ReplaceAll(string(out), host, "registry.example")
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			got += fmt.Sprintf("[exit %d]\n", exit.ExitCode())
		} else if err != nil {
			t.Fatalf("%s:%d: %s: %v", page, s.line, s.command, err)
		}
		if !shows(s.output, got) {
			t.Fatalf("%s:%d: $ %s\nprints:\n%s\nthe page shows:\n%s", page, s.line, s.command, got, strings.Join(s.output, "\n"))
		}
	}
}

// shows tells whether output is what a page shows: … is any text, and on a line of
// its own any lines.
func shows(page []string, output string) bool {
	var re strings.Builder
	re.WriteString(`\A`)
	for _, line := range page {
		if line == "…" {
			re.WriteString(`(.*\n)+`)
			continue
		}
		re.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".+") + `\n`)
	}
	return regexp.MustCompile(re.String() + `\z`).MatchString(output)
}

func readPage(t *testing.T, page, dir string) []step {
	t.Helper()
	f, err := os.Open(page)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var steps []step
	var yaml []string
	block := ""
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case block == "" && strings.HasPrefix(line, "```"):
			block = line
		case line == "```":
			if name, ok := strings.CutPrefix(strings.Join(yaml[:min(1, len(yaml))], ""), "# "); ok {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(yaml, "\n")+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			block, yaml = "", nil
		case block == "```yaml":
			yaml = append(yaml, line)
		case block == "```console" && isCommand:
			steps = append(steps, step{line: n, command: command})
		case block == "```console":
			if len(steps) == 0 {
				t.Fatalf("%s:%d: output before the first command", page, n)
			}
			last := &steps[len(steps)-1]
			last.output = append(last.output, line)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

// TestEveryCommandIsOnThePage keeps the page complete: each command and each flag
// that writes is named there.
func TestEveryCommandIsOnThePage(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/publishing.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"check", "publish", "promote", "mark yank", "mark status", "mark withdraw", "prune", "diff", "show", "verify", "sign", "key new"} {
		if !strings.Contains(string(data), "$ pinwheel "+want) {
			t.Errorf("the page does not show pinwheel %s", want)
		}
	}
	flag := regexp.MustCompile(`(?m)^ +(?:-\w, )?(--[a-z-]+)`)
	for _, command := range []string{"publish", "promote", "sign"} {
		help, err := exec.CommandContext(t.Context(), "pinwheel", command, "--help").Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range flag.FindAllSubmatch(help, -1) {
			name := string(m[1])
			if !strings.Contains(string(data), name) && name != "--help" && name != "--concurrency" {
				t.Errorf("the page does not mention %s of %s", name, command)
			}
		}
	}
}
