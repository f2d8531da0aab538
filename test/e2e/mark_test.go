package e2e

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// TestWithdraw takes a file away for cause. It is 410 with the reason on live and
// on a pinned revision that lists it, also where it was retired before, and no
// rollback brings it back.
func TestWithdraw(t *testing.T) {
	to := "oci-layout:" + filepath.Join(t.TempDir(), "layout")
	v := newVendor(t)
	for _, version := range []string{"1.0", "2.0"} {
		wheeltest.Write(t, v.home, wheeltest.Wheel{Name: "demo", Version: version})
	}
	first := v.release(to, v.home)
	s := v.serve(to)
	pinned := s.url + "/" + indexName + "/-/" + strings.Replace(first, ":", "-", 1) + "/simple/"
	links := map[string]string{}
	for _, root := range []string{s.simple(), pinned} {
		links[root] = fileLink(t, root+"demo/", "demo-1.0-py3-none-any.whl")
		if code, body := get(links[root]); code != http.StatusOK {
			t.Fatalf("%s: %d %s", links[root], code, body)
		}
	}
	// Retired, it is still there for locks.
	v.pinwheel("publish", to, "--remove", "demo==1.0")
	v.pinwheel("promote", to)
	waitUntil(t, "1.0 is off the page", func() bool {
		code, body := get(s.simple() + "demo/")
		return code == http.StatusOK && !strings.Contains(body, "demo-1.0")
	})
	if code, body := get(links[s.simple()]); code != http.StatusOK {
		t.Fatalf("retired: %d %s", code, body)
	}
	v.pinwheel("mark", to, "withdraw", "--reason", "malicious code", "demo==1.0")
	v.pinwheel("promote", to)
	gone := func(when string) {
		for _, link := range links {
			waitUntil(t, when+": 410", func() bool {
				code, body := get(link)
				return code == http.StatusGone && strings.Contains(body, "malicious code")
			})
		}
	}
	gone("withdrawn")
	live := v.pinwheel("promote", to, "--rollback-to", "1")["revision"].(string)
	waitUntil(t, "the rollback is served", func() bool {
		code, body := get(s.url + "/" + indexName + "/-/latest")
		return code == http.StatusOK && strings.Contains(body, live)
	})
	gone("after a rollback to a revision that listed it")
	if code, body := get(s.simple() + "demo/"); code != http.StatusOK || strings.Contains(body, "demo-1.0") || !strings.Contains(body, "demo-2.0") {
		t.Errorf("the page: %d %s", code, body)
	}
}

// fileLink is where a page says that a file is.
func fileLink(t *testing.T, page, filename string) string {
	t.Helper()
	code, body := get(page)
	m := regexp.MustCompile(`href="([^"#]*` + regexp.QuoteMeta(filename) + `)[#"]`).FindStringSubmatch(body)
	if code != http.StatusOK || m == nil {
		t.Fatalf("%s: %d %s", page, code, body)
	}
	base, err := http.NewRequest(http.MethodGet, page, nil)
	if err != nil {
		t.Fatal(err)
	}
	link, err := base.URL.Parse(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return link.String()
}

// waitUntil asks again until it is so, which it soon is: the shim polls.
func waitUntil(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 200 {
		if is() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s: it never is", what)
}
