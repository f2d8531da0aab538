package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pinwheel-oci/pinwheel/test/registrytest"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// TestInstall serves from each kind of store to pip and uv, and moves users to
// the next revision: live follows, the pinned root does not.
func TestInstall(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (to string, flags []string){
		"layout": func(t *testing.T) (string, []string) {
			return "oci-layout:" + filepath.Join(t.TempDir(), "layout"), nil
		},
		"registry": func(t *testing.T) (string, []string) {
			s := registrytest.Distribution(t, registrytest.DistributionOptions{})
			return s.Host + "/demo/wheels", []string{"--plain-http"}
		},
		"registry with TLS and a password": func(t *testing.T) (string, []string) {
			s := registrytest.Distribution(t, registrytest.DistributionOptions{TLS: true, Htpasswd: true})
			return s.Host + "/demo/wheels", []string{"--ca-file", s.CAFile, "--authfile", s.AuthFile}
		},
	} {
		t.Run(name, func(t *testing.T) {
			to, flags := open(t)
			v := newVendor(t, flags...)
			first := v.release(to, realWheels(t, "first"))
			s := v.serve(to, append(flags, "--candidate")...)
			if six := pipInstall(t, "--index-url", s.simple()); six != "1.16.0" {
				t.Errorf("pip installed six %s", six)
			}
			if six := uvInstall(t, "--default-index", s.simple()); six != "1.16.0" {
				t.Errorf("uv installed six %s", six)
			}

			v.pinwheel("publish", to, realWheels(t, "second"))
			candidate := s.url + "/" + indexName + "-test/simple/"
			waitFor(t, candidate, "1.17.0")
			if got := newestSix(t, s.simple()); got != "1.16.0" {
				t.Errorf("live offers six %s before the promotion", got)
			}
			v.pinwheel("promote", to)
			waitFor(t, s.simple(), "1.17.0")
			if six := uvInstall(t, "--default-index", s.simple()); six != "1.17.0" {
				t.Errorf("uv installed six %s after the promotion", six)
			}
			pinned := s.url + "/" + indexName + "/-/" + strings.Replace(first, ":", "-", 1) + "/simple/"
			if six := pipInstall(t, "--index-url", pinned); six != "1.16.0" {
				t.Errorf("pip installed six %s from the pinned revision", six)
			}
		})
	}
}

// TestOldPips: who uses an old base image has an old pip.
func TestOldPips(t *testing.T) {
	uv := tools.Need(t, "uv")
	v := newVendor(t)
	layout := "oci-layout:" + filepath.Join(t.TempDir(), "layout")
	v.release(layout, realWheels(t, "first"))
	s := v.serve(layout)
	for _, version := range []string{"22.3.1", "24.3.1"} {
		t.Run("pip "+version, func(t *testing.T) {
			u := newUser(t)
			// Where pip itself comes from is the machine's business.
			u.env = append(os.Environ(), "HOME="+u.home)
			u.run(uv, "venv", "--quiet", "v")
			python := filepath.Join(u.home, "v/bin/python")
			u.run(uv, "pip", "install", "--quiet", "--python", python, "pip=="+version)
			clean := newUser(t)
			clean.run(python, "-m", "pip", "install", "--quiet", "--index-url", s.simple(), "jinja2", "bcrypt")
			clean.run(python, "-c", "import jinja2, bcrypt")
		})
	}
}

// TestNothingUnverifiedIsServed: what is live is replaced by somebody else's
// revision; the shim keeps the last good one and says why.
func TestNothingUnverifiedIsServed(t *testing.T) {
	v := newVendor(t)
	layout := "oci-layout:" + filepath.Join(t.TempDir(), "layout")
	v.release(layout, realWheels(t, "first"))
	s := v.serve(layout)
	intruder := newVendor(t)
	intruder.pinwheel("publish", layout, realWheels(t, "second"), "--trust", v.pub)
	intruder.pinwheel("promote", layout, "--trust-promote", v.pub)
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, body := get(s.url + "/readyz")
		if strings.Contains(body, "head-signature") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("readyz does not tell of the refusal: %s", body)
		}
		time.Sleep(100 * time.Millisecond)
	}
	if got := newestSix(t, s.simple()); got != "1.16.0" {
		t.Errorf("six %s of the intruder is offered", got)
	}
}

func newestSix(t *testing.T, simple string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, simple+"six/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.pypi.simple.v1+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var page struct{ Versions []string }
	if res.StatusCode != http.StatusOK || json.NewDecoder(res.Body).Decode(&page) != nil || len(page.Versions) == 0 {
		return res.Status
	}
	newest := page.Versions[0]
	for _, v := range page.Versions {
		newest = max(newest, v)
	}
	return newest
}

func waitFor(t *testing.T, simple, six string) {
	t.Helper()
	got := ""
	for range 200 {
		if got = newestSix(t, simple); got == six {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s offers six %s, want %s", simple, got, six)
}
