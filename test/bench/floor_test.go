package bench_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// floorEnv makes the test binary the floor: the least that a Go server can do.
const floorEnv = "PINWHEEL_BENCH_FLOOR"

// serveFloor serves the files of a directory from memory, PATH.gz to those who
// take gzip, and writes its address to the file "addr" beside them.
func serveFloor(dir string) {
	type answer struct {
		body   []byte
		header http.Header
	}
	answers := map[string]*answer{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		name := strings.TrimPrefix(path, dir)
		header := http.Header{"Content-Type": {"application/vnd.pypi.simple.v1+json"}, "Content-Length": {strconv.Itoa(len(body))}}
		if strings.HasSuffix(name, ".gz") {
			header["Content-Encoding"] = []string{"gzip"}
		}
		answers[name] = &answer{body, header}
		return err
	})
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			name += ".gz"
		}
		a := answers[name]
		if a == nil {
			http.NotFound(w, r)
			return
		}
		header := w.Header()
		for k, v := range a.header {
			header[k] = v
		}
		_, _ = w.Write(a.body)
	})}
	if err == nil {
		err = listenAt(server, filepath.Join(dir, "addr"))
	}
	fmt.Fprintln(os.Stderr, "floor:", err)
	os.Exit(1)
}
