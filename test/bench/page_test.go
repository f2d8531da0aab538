package bench_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/tools"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// page is one representation of one page.
type page struct {
	name     string
	path     string // below the index
	accept   string
	encoding string // Accept-Encoding; empty for none
}

// pageRounds is more than elsewhere: rounds are short, and wrk and the servers
// share the processors.
const pageRounds = 5

const (
	typeJSON = "application/vnd.pypi.simple.v1+json"
	typeHTML = "application/vnd.pypi.simple.v1+html"
)

var pages = []page{
	{"project-json-gzip", "/simple/many/", typeJSON, "gzip"},
	{"project-json", "/simple/many/", typeJSON, ""},
	{"project-html-gzip", "/simple/many/", typeHTML, "gzip"},
	{"root-json-gzip", "/simple/", typeJSON, "gzip"},
	{"root-html-gzip", "/simple/", typeHTML, "gzip"},
}

// rival is a server of the same pages.
type rival struct {
	name string
	pids []int
	url  func(page) string
}

// BenchmarkPage asks for hot pages: a project of 100 files, and the root of 500
// other projects. The rivals are nginx with files compressed beforehand, and the
// least that a Go server can do. wrk loads one after the other, on the same
// processors.
func BenchmarkPage(b *testing.B) {
	wrk, nginx := tools.Need(b, "wrk"), tools.Need(b, "nginx")
	layout := registry.LayoutPrefix + b.TempDir()
	s := open(b, layout, registry.Options{CreateLayout: true})
	dir := b.TempDir()
	paths := writeWheels(b, dir, 0, 5000, 10, 0)
	for i := range 100 {
		paths = append(paths, wheeltest.Write(b, dir, wheeltest.Wheel{
			Name: "many", Version: fmt.Sprintf("%d.%d.0", 1+i/10, i%10), Tags: "cp312-cp312-manylinux_2_28_x86_64", RequiresPython: ">=3.12",
		}))
	}
	apply(b, s, plan(b, s, inspect(b, paths), nil))
	promote(b, s, "")
	running := serve(b, layout, "/simple/")
	tree := b.TempDir()
	for _, p := range pages {
		save(b, running.root, p, tree)
	}
	rivals := []rival{
		{"shim", []int{running.pid}, func(p page) string { return running.root + p.path }},
		startNginx(b, nginx, tree),
		startFloor(b, tree),
	}
	for _, p := range pages {
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() {
				comparePage(b, wrk, rivals, p)
			}
		})
	}
	b.Logf("the shim has %.0f MB resident", running.memory("VmRSS"))
}

func comparePage(b *testing.B, wrk string, rivals []rival, p page) {
	found := series{}
	for round := range pageRounds {
		for _, r := range rotated(rivals, round) {
			before := cpu(b, r.pids)
			rate, requests, p99 := load(b, wrk, r.url(p), p)
			found.add(r.name, rate)
			found.add(r.name+"-cpu", (cpu(b, r.pids)-before)/requests*1e6)
			found.add(r.name+"-p99", p99)
		}
	}
	for _, r := range rivals {
		report(b, found.median(r.name), r.name+"-req/s")
		report(b, found.median(r.name+"-cpu"), r.name+"-cpu-us")
		report(b, found.median(r.name+"-p99"), r.name+"-p99-ms")
	}
	report(b, found.ratio("shim", "nginx"), "rate-to-nginx")
	report(b, found.ratio("shim", "floor"), "rate-to-floor")
	report(b, found.ratio("shim-cpu", "nginx-cpu"), "cpu-to-nginx")
	report(b, found.ratio("shim-cpu", "floor-cpu"), "cpu-to-floor")
}

func (p page) header() http.Header {
	h := http.Header{"Accept": {p.accept}}
	if p.encoding != "" {
		h.Set("Accept-Encoding", p.encoding)
	}
	return h
}

// save keeps a page of the shim as a file for the others.
func save(b *testing.B, root string, p page, tree string) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, root+p.path, nil)
	must(b, err)
	req.Header = p.header()
	resp, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	must(b, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	must(b, err)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != p.encoding || !strings.HasPrefix(resp.Header.Get("Content-Type"), p.accept) {
		b.Fatalf("%s: %s, %v", p.name, resp.Status, resp.Header)
	}
	b.Logf("%s: %d bytes", p.name, len(data))
	path := filepath.Join(tree, p.name)
	if p.encoding == "gzip" {
		// gzip_static looks for the plain file's name first.
		must(b, os.WriteFile(path, nil, 0o644))
		path += ".gz"
	}
	must(b, os.WriteFile(path, data, 0o644))
}

var (
	wrkRate     = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkRequests = regexp.MustCompile(`([0-9]+) requests in`)
	wrkP99      = regexp.MustCompile(`99%\s+([0-9.]+)(us|ms|s)`)
)

// load runs wrk with 32 connections and gives requests per second, requests,
// and the latency in ms that one in a hundred exceeds.
func load(b *testing.B, wrk, url string, p page) (rate, requests, p99 float64) {
	b.Helper()
	args := []string{"-t", "2", "-c", "32", "-d", "2s", "--latency", "-H", "Accept: " + p.accept}
	if p.encoding != "" {
		args = append(args, "-H", "Accept-Encoding: "+p.encoding)
	}
	out, err := exec.CommandContext(b.Context(), wrk, append(args, url)...).CombinedOutput()
	if err != nil || strings.Contains(string(out), "Non-2xx") || strings.Contains(string(out), "Socket errors") {
		b.Fatalf("wrk %s: %v\n%s", url, err, out)
	}
	number := func(re *regexp.Regexp) (float64, string) {
		m := re.FindStringSubmatch(string(out))
		if m == nil {
			b.Fatalf("wrk said something unknown:\n%s", out)
		}
		n, err := strconv.ParseFloat(m[1], 64)
		must(b, err)
		return n, m[len(m)-1]
	}
	rate, _ = number(wrkRate)
	requests, _ = number(wrkRequests)
	p99, unit := number(wrkP99)
	return rate, requests, p99 * map[string]float64{"us": 0.001, "ms": 1, "s": 1000}[unit]
}

func fromTree(host string) func(page) string {
	return func(p page) string { return "http://" + host + "/" + p.name }
}

// startFloor runs this test binary as the floor.
func startFloor(b *testing.B, tree string) rival {
	b.Helper()
	self, err := os.Executable()
	must(b, err)
	p := start(b, []string{floorEnv + "=" + tree}, self)
	addr := ""
	until(b, p, 10*time.Millisecond, func() bool {
		data, err := os.ReadFile(filepath.Join(tree, "addr"))
		addr = string(data)
		return err == nil && addr != ""
	})
	return rival{"floor", []int{p.pid}, fromTree(addr)}
}

// listenAt serves at a free port, whose address it writes to a file.
func listenAt(server *http.Server, file string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".tmp", []byte(listener.Addr().String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(file+".tmp", file); err != nil {
		return err
	}
	return server.Serve(listener)
}

const nginxConf = `worker_processes 2;
daemon off;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  gzip_static on;
  default_type application/vnd.pypi.simple.v1+json;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  server { listen %[2]s; root %[3]s; }
}
`

func startNginx(b *testing.B, nginx, tree string) rival {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	host := listener.Addr().String()
	must(b, listener.Close())
	dir := b.TempDir()
	// Workers run as another user if this one is root.
	for _, d := range []string{tree, filepath.Dir(tree), filepath.Dir(filepath.Dir(tree))} {
		must(b, os.Chmod(d, 0o755))
	}
	conf := filepath.Join(dir, "nginx.conf")
	must(b, os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, host, tree), 0o644))
	p := start(b, nil, nginx, "-p", dir, "-c", conf)
	until(b, p, 10*time.Millisecond, func() bool {
		resp, err := http.Get("http://" + host + "/" + pages[1].name)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return rival{"nginx", append(children(b, p.pid), p.pid), fromTree(host)}
}

func children(b *testing.B, pid int) []int {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	must(b, err)
	var pids []int
	for f := range strings.FieldsSeq(string(data)) {
		n, err := strconv.Atoi(f)
		must(b, err)
		pids = append(pids, n)
	}
	return pids
}
