package e2e

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/test/registrytest"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

var fence = regexp.MustCompile("(?ms)^```(console|yaml)\n(.*?)^```$")

// document returns the commands of a document's console blocks, in order, and
// the text of its first YAML block.
func document(t *testing.T, name string) (commands []string, yaml string) {
	t.Helper()
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
		if block[1] == "yaml" {
			if yaml == "" {
				yaml = block[2]
			}
			continue
		}
		for _, line := range strings.Split(strings.TrimSpace(block[2]), "\n") {
			// What follows a command is its output.
			command, ok := strings.CutPrefix(line, "$ ")
			if !ok && !strings.HasPrefix(block[2], "$ ") {
				t.Fatalf("%s: a console block begins with %q, not with \"$ \"", name, line)
			}
			if ok {
				commands = append(commands, command)
			}
		}
	}
	return commands, yaml
}

// script makes one shell script of commands, with words replaced by what they
// stand for. A server goes to the background, and the script waits for it.
func script(commands []string, words ...string) string {
	replace := strings.NewReplacer(words...)
	s := "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
	for _, c := range commands {
		c = replace.Replace(c)
		if strings.HasPrefix(c, "pinwheel-shim serve") {
			url := "http://" + c[strings.LastIndex(c, " ")+1:]
			s += c + " 2>shim.log &\nfor i in $(seq 200); do python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1])' " +
				url + "/readyz 2>/dev/null && break; [ $i != 200 ] || { cat shim.log >&2; exit 1; }; sleep 0.1; done\n"
			continue
		}
		s += c + "\n"
	}
	return s
}

// shell is a user with a virtual environment and the programs on the PATH.
func shell(t *testing.T) *user {
	t.Helper()
	u := newUser(t)
	u.run("python3", "-m", "venv", "v")
	path := []string{filepath.Join(u.home, "v/bin"), filepath.Dir(program(t, "pinwheel"))}
	for _, tool := range []string{"uv", "oras", "crane", "skopeo"} {
		path = append(path, filepath.Dir(tools.Need(t, tool)))
	}
	u.env = append(u.env, "PATH="+strings.Join(append(path, os.Getenv("PATH")), ":"), "VIRTUAL_ENV="+filepath.Join(u.home, "v"), "PINWHEEL_KEY_PASSWORD=correct horse")
	return u
}

// elsewhere are commands that .ci/run itself runs, or that are this test.
var elsewhere = regexp.MustCompile(`^make (demo|test|build)\b`)

// TestReadme does what the README tells a newcomer, with a registry of his own.
func TestReadme(t *testing.T) {
	server := registrytest.Distribution(t, registrytest.DistributionOptions{})
	u := shell(t)
	if err := os.Symlink(realWheels(t, "first"), filepath.Join(u.home, "dist")); err != nil {
		t.Fatal(err)
	}
	commands, yaml := document(t, "README.md")
	write(t, filepath.Join(u.home, "policy.yaml"), yaml)
	var run []string
	for _, c := range commands {
		if !elsewhere.MatchString(c) {
			run = append(run, c)
		}
	}
	if len(run) < 7 {
		t.Fatalf("only %d commands: %q", len(run), run)
	}
	out := u.run("bash", "-c", script(run,
		"registry.example/", server.Host+"/", "127.0.0.1:8080", freePort(t), "PACKAGE", "jinja2",
		"pinwheel publish", "pinwheel publish --plain-http", "pinwheel promote", "pinwheel promote --plain-http",
		"pinwheel-shim serve", "pinwheel-shim serve --plain-http"))
	u.run(filepath.Join(u.home, "v/bin/python"), "-c", "import jinja2, markupsafe")
	if !strings.Contains(out, "live     1 sha256:") {
		t.Errorf("no promotion in\n%s", out)
	}
}

// TestMirroringDoc runs every command of docs/mirroring.md.
func TestMirroringDoc(t *testing.T) {
	server := registrytest.Distribution(t, registrytest.DistributionOptions{})
	v := newVendor(t, "--plain-http")
	from := server.Host + "/vendor/wheels"
	v.release(from, realWheels(t, "first"))
	u := shell(t)
	for _, file := range []string{v.policy, v.pub} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(u.home, filepath.Base(file)), string(data))
	}
	commands, _ := document(t, "docs/mirroring.md")
	if len(commands) < 10 {
		t.Fatalf("only %d commands: %q", len(commands), commands)
	}
	u.run("bash", "-c", script(commands,
		"3.4-cpu-ubi9", "1.0-cpu", "FROM", from, "TO", server.Host+"/mirror/wheels", "/media/wheels", filepath.Join(u.home, "media"), "PACKAGE", "jinja2",
		"skopeo copy", "skopeo copy --src-tls-verify=false --dest-tls-verify=false",
		"oras cp --to-oci-layout", "oras cp --from-plain-http --to-oci-layout", "oras cp", "oras cp --from-plain-http --to-plain-http",
		"oras pull", "oras pull --plain-http", "crane copy", "crane copy --insecure", "pinwheel verify", "pinwheel verify --plain-http"))
	u.run(filepath.Join(u.home, "v/bin/python"), "-c", "import jinja2, markupsafe")
}

// TestShimDoc runs every command of docs/shim.md.
func TestShimDoc(t *testing.T) {
	server := registrytest.Distribution(t, registrytest.DistributionOptions{})
	v := newVendor(t, "--plain-http")
	from := server.Host + "/tools/wheels-3.4"
	v.release(from, realWheels(t, "first"))
	u := shell(t)
	for _, file := range []string{v.policy, v.pub} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(u.home, filepath.Base(file)), string(data))
	}
	media := filepath.Join(u.home, "media")
	for _, tag := range []string{"1.0-cpu", "1.0-cpu.head"} {
		u.run(tools.Need(t, "oras"), "cp", "--no-tty", "--from-plain-http", "--to-oci-layout", from+":"+tag, media+":"+tag)
	}
	commands, _ := document(t, "docs/shim.md")
	if len(commands) != 4 {
		t.Fatalf("%d commands: %q", len(commands), commands)
	}
	registry := freePort(t)
	u.run("bash", "-c", script(commands,
		"--source registry.example/tools/wheels-3.4 --policy policy.yaml", "--plain-http --source "+from+" --policy policy.yaml --listen "+registry,
		"127.0.0.1:8080", registry, "--listen :8080", "--listen "+freePort(t), "/media/wheels", media,
		"tools/3.4/cpu-ubi9", indexName, "PACKAGE", "jinja2"))
	u.run(filepath.Join(u.home, "v/bin/python"), "-c", "import jinja2, markupsafe")
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
