package registry_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

// Every error says what was done, where, and what to do about it.
func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	plain := registrytest.InProcess(t, registrytest.Quirks{})
	locked := registrytest.InProcess(t, registrytest.Quirks{Username: "alice", Password: "secret"})
	secure := httptest.NewUnstartedServer(registrytest.Handler(registrytest.Quirks{}))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what is tested
	secure.StartTLS()
	t.Cleanup(secure.Close)
	secureHost := strings.TrimPrefix(secure.URL, "https://")
	wrong := registrytest.WriteAuthFile(t, locked, "alice", "guess")
	own := registrytest.NewCertificates(t)
	forbidding := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(forbidding.Close)

	tests := map[string]struct {
		host string
		opts registry.Options
		kind error
		says []string
	}{
		"missing tag": {plain, registry.Options{PlainHTTP: true}, errdef.ErrNotFound, []string{"resolve " + plain + "/a/b:t: ", "not found"}},
		"no credentials looked for": {
			locked, registry.Options{PlainHTTP: true}, registry.ErrUnauthorized,
			[]string{locked + "/a/b:t", "unauthorized", "--authfile"},
		},
		"no credentials found": {
			locked, registry.Options{PlainHTTP: true, LookupEnv: env("HOME", "/nonexistent")}, registry.ErrUnauthorized,
			[]string{"no credentials for " + locked, "/nonexistent/.docker/config.json", "podman login " + locked},
		},
		"wrong password": {
			locked, registry.Options{PlainHTTP: true, AuthFile: wrong}, registry.ErrUnauthorized,
			[]string{"refused the credentials", wrong, locked},
		},
		"named file is missing": {
			locked, registry.Options{PlainHTTP: true, AuthFile: "/nonexistent/auth.json"}, os.ErrNotExist,
			[]string{"/nonexistent/auth.json"},
		},
		"forbidden": {
			strings.TrimPrefix(forbidding.URL, "http://"), registry.Options{PlainHTTP: true}, registry.ErrUnauthorized,
			[]string{"403"},
		},
		"nobody listens": {
			closedPort(t), registry.Options{PlainHTTP: true}, registry.ErrUnreachable, []string{"connection refused", "is this its port?"},
		},
		"TLS against a plain server": {plain, registry.Options{}, registry.ErrTLS, []string{"--plain-http"}},
		"plain against a TLS server": {
			secureHost, registry.Options{PlainHTTP: true}, registry.ErrTLS, []string{"leave out --plain-http"},
		},
		"unknown authority":     {secureHost, registry.Options{}, registry.ErrTLS, []string{"--ca-file"}},
		"authority of no avail": {secureHost, registry.Options{CAFile: own.CAFile}, registry.ErrTLS, []string{"--ca-file"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock waits
			tt.opts.Retry = clock.retry()
			_, err := open(t, tt.host+"/a/b", tt.opts).Resolve(t.Context(), "t")
			if !errors.Is(err, tt.kind) {
				t.Errorf("error %v does not match %v", err, tt.kind)
			}
			var typed *registry.Error
			if !errors.As(err, &typed) || typed.Op != "resolve" {
				t.Errorf("error is %#v, want a *registry.Error of resolve", err)
			}
			for _, says := range append(tt.says, tt.host) {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("error does not say %q: %v", says, err)
				}
			}
			if strings.Contains(err.Error(), "guess") {
				t.Errorf("error shows the password: %v", err)
			}
		})
	}
}

// env is an environment of the given names and values.
func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestOpenRefusesBadCAFile(t *testing.T) {
	t.Parallel()
	ref, err := registry.ParseReference("registry.example/a:b")
	if err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/nonexistent/ca.pem", empty} {
		if _, err := registry.Open(t.Context(), ref, registry.Options{CAFile: path}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("CA file %s: error is %v", path, err)
		}
	}
}

func TestManifestTooLarge(t *testing.T) {
	t.Parallel()
	host := registrytest.InProcess(t, registrytest.Quirks{})
	store := open(t, host+"/a/b", registry.Options{PlainHTTP: true})
	desc, _ := registrytest.Index(t)
	data := make([]byte, registry.MaxManifest+1)
	desc.Size = int64(len(data))
	if err := store.PushReference(t.Context(), desc, bytes.NewReader(data), "t"); !errors.Is(err, registry.ErrTooLarge) {
		t.Errorf("push: error is %v", err)
	}
}
