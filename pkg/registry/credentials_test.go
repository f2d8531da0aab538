package registry_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

// passwords starts a server that only tells which user asked.
func passwords(t *testing.T) (host string, users func() []string) {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mu.Lock()
		seen = append(seen, user+":"+password)
		mu.Unlock()
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

func writeFile(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func basic(user string) string {
	return fmt.Sprintf(`{"auth": %q}`, base64.StdEncoding.EncodeToString([]byte(user+":pw")))
}

func TestCredentialFiles(t *testing.T) {
	t.Parallel()
	// HOST in the files is the server, DIR the directory that they are in.
	tests := map[string]struct {
		files map[string]string
		env   []string
		named string // Options.AuthFile
		want  string // user, or empty for none
	}{
		"docker, HOME": {
			files: map[string]string{".docker/config.json": `{"auths": {"HOST": ` + basic("docker") + `}}`},
			env:   []string{"HOME", "DIR"},
			want:  "docker",
		},
		"docker, DOCKER_CONFIG before HOME": {
			files: map[string]string{
				".docker/config.json": `{"auths": {"HOST": ` + basic("home") + `}}`,
				"other/config.json":   `{"auths": {"HOST": ` + basic("other") + `}}`,
			},
			env:  []string{"HOME", "DIR", "DOCKER_CONFIG", "DIR/other"},
			want: "other",
		},
		"podman before docker": {
			files: map[string]string{
				".docker/config.json":      `{"auths": {"HOST": ` + basic("docker") + `}}`,
				"run/containers/auth.json": `{"auths": {"HOST": ` + basic("podman") + `}}`,
			},
			env:  []string{"HOME", "DIR", "XDG_RUNTIME_DIR", "DIR/run"},
			want: "podman",
		},
		"podman has none, docker has": {
			files: map[string]string{
				".docker/config.json":      `{"auths": {"HOST": ` + basic("docker") + `}}`,
				"run/containers/auth.json": `{"auths": {"elsewhere.example": ` + basic("podman") + `}}`,
			},
			env:  []string{"HOME", "DIR", "XDG_RUNTIME_DIR", "DIR/run"},
			want: "docker",
		},
		"podman, ~/.config": {
			files: map[string]string{".config/containers/auth.json": `{"auths": {"HOST": ` + basic("config") + `}}`},
			env:   []string{"HOME", "DIR"},
			want:  "config",
		},
		"REGISTRY_AUTH_FILE is the only one": {
			files: map[string]string{
				".docker/config.json": `{"auths": {"HOST": ` + basic("docker") + `}}`,
				"mine.json":           `{}`,
			},
			env: []string{"HOME", "DIR", "REGISTRY_AUTH_FILE", "DIR/mine.json"},
		},
		"AuthFile before the environment": {
			files: map[string]string{
				"mine.json":  `{"auths": {"HOST": ` + basic("mine") + `}}`,
				"other.json": `{"auths": {"HOST": ` + basic("other") + `}}`,
			},
			env:   []string{"REGISTRY_AUTH_FILE", "DIR/other.json"},
			named: "DIR/mine.json",
			want:  "mine",
		},
		"longest key of podman": {
			files: map[string]string{"mine.json": `{"auths": {"HOST": ` + basic("host") + `, "HOST/team": ` + basic("team") +
				`, "HOST/team/wheels": ` + basic("wheels") + `, "HOST/team/wheels-2": ` + basic("other") + `}}`},
			named: "DIR/mine.json",
			want:  "wheels",
		},
		"key of the namespace": {
			files: map[string]string{"mine.json": `{"auths": {"HOST": ` + basic("host") + `, "HOST/team": ` + basic("team") + `}}`},
			named: "DIR/mine.json",
			want:  "team",
		},
		"key of another repository is no key of the host": {
			files: map[string]string{"mine.json": `{"auths": {"HOST/other/wheels": ` + basic("other") + `, "https://HOST/v1/": ` + basic("host") + `}}`},
			named: "DIR/mine.json",
			want:  "host",
		},
		"only another repository": {
			files: map[string]string{"mine.json": `{"auths": {"HOST/team/wheel": ` + basic("other") + `}}`},
			named: "DIR/mine.json",
		},
		"user and password apart": {
			files: map[string]string{"mine.json": `{"auths": {"HOST": {"username": "old", "password": "pw"}}}`},
			named: "DIR/mine.json",
			want:  "old",
		},
		"helper for the host": {
			files: map[string]string{"mine.json": `{"auths": {"HOST": ` + basic("file") + `}, "credHelpers": {"HOST": "pinwheel-test"}}`},
			named: "DIR/mine.json",
			want:  "from-helper",
		},
		"store for everything": {
			files: map[string]string{"mine.json": `{"auths": {"HOST": {}}, "credsStore": "pinwheel-test"}`},
			named: "DIR/mine.json",
			want:  "from-helper",
		},
		"store that knows nothing": {
			files: map[string]string{"mine.json": `{"credsStore": "pinwheel-empty"}`},
			named: "DIR/mine.json",
		},
		"empty file": {
			files: map[string]string{"mine.json": ""},
			named: "DIR/mine.json",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host, users := passwords(t)
			dir := t.TempDir()
			fill := func(s string) string { return strings.NewReplacer("HOST", host, "DIR", dir).Replace(s) }
			for path, text := range tt.files {
				writeFile(t, filepath.Join(dir, path), fill(text), 0o600)
			}
			for i := 1; i < len(tt.env); i += 2 {
				tt.env[i] = fill(tt.env[i])
			}
			store := open(t, host+"/team/wheels", registry.Options{PlainHTTP: true, AuthFile: fill(tt.named), LookupEnv: env(tt.env...)})
			_, err := store.Resolve(t.Context(), "t")
			if tt.want == "" {
				if !errors.Is(err, registry.ErrUnauthorized) {
					t.Errorf("error is %v", err)
				}
				return
			}
			if diff := cmp.Diff([]string{tt.want + ":pw"}, users()); diff != "" {
				t.Errorf("credentials (-want +got), error %v:\n%s", err, diff)
			}
		})
	}
}

// TestMain puts credential helpers into PATH, where they are looked for: one
// that knows every server, one that knows none, one that fails.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "helpers")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		for name, script := range map[string]string{
			"test":   "read server\nprintf '{\"ServerURL\":\"%s\",\"Username\":\"from-helper\",\"Secret\":\"pw\"}' \"$server\"\n",
			"empty":  "echo credentials not found in native keychain\nexit 1\n",
			"broken": "echo the keyring is locked\nexit 1\n",
		} {
			path := filepath.Join(dir, "docker-credential-pinwheel-"+name)
			if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
				panic(err)
			}
		}
		if err := os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

func TestCredentialFilesThatAreWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, says string }{
		"not JSON":              {`{"auths":`, "JSON"},
		"not base64":            {`{"auths": {"HOST": {"auth": "s3cret!"}}}`, "not base64"},
		"no colon":              {`{"auths": {"HOST": {"auth": "czNjcmV0"}}}`, "user:password"},
		"helper that fails":     {`{"credsStore": "pinwheel-broken"}`, "the keyring is locked"},
		"helper that is absent": {`{"credHelpers": {"HOST": "pinwheel-absent"}}`, "docker-credential-pinwheel-absent"},
		"helper with a path":    {`{"credsStore": "../../bin/sh"}`, "not the name of a program"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host, _ := passwords(t)
			path := filepath.Join(t.TempDir(), "auth.json")
			writeFile(t, path, strings.ReplaceAll(tt.text, "HOST", host), 0o600)
			_, err := open(t, host+"/a", registry.Options{PlainHTTP: true, AuthFile: path}).Resolve(t.Context(), "t")
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("error does not say %q and %s: %v", tt.says, path, err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error shows a secret: %v", err)
			}
		})
	}
}

// A registry with tokens: each is good for a few requests, so that one runs out
// in the middle of an upload.
func TestTokensThatRunOut(t *testing.T) {
	t.Parallel()
	const perToken = 2
	var mu sync.Mutex
	issued, used := 0, 0
	var scopes []string
	tokens := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			if r.URL.Path == "/token" {
				defer mu.Unlock()
				if user, password, _ := r.BasicAuth(); user != "alice" || password != "secret" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				issued, used = issued+1, 0
				scopes = r.URL.Query()["scope"]
				_ = json.NewEncoder(w).Encode(map[string]string{"token": fmt.Sprint("t", issued)})
				return
			}
			good := r.Header.Get("Authorization") == fmt.Sprint("Bearer t", issued) && used < perToken
			if good {
				used++
			}
			mu.Unlock()
			if !good {
				w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="test"`, r.Host))
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	host := registrytest.InProcess(t, registrytest.Quirks{Wrap: tokens})
	var clock waits
	store := open(t, host+"/team/wheels", registry.Options{
		PlainHTTP: true, Retry: clock.retry(), AuthFile: registrytest.WriteAuthFile(t, host, "alice", "secret"),
	})
	for i := range byte(4) {
		data := registrytest.Random(i, registry.MonolithicLimit+1000)
		registrytest.Push(t, store, data)
	}
	for i := range byte(4) {
		registrytest.Push(t, store, []byte{i})
	}
	if issued < 2 {
		t.Errorf("%d tokens were issued, want several", issued)
	}
	if diff := cmp.Diff([]string{"repository:team/wheels:pull,push"}, scopes); diff != "" {
		t.Errorf("scope (-want +got):\n%s", diff)
	}
}
