package registrytest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// Username and Password are those of a [Distribution] with HTTP Basic.
const (
	Username = "alice"
	Password = "correct horse"
)

// DistributionOptions are how the registry is started. The zero value speaks
// plain HTTP, asks for no password and keeps everything in memory.
type DistributionOptions struct {
	TLS      bool // with a certificate authority of its own
	Htpasswd bool // wants [Username] and [Password]
	// Dir keeps content in this directory. Empty: in memory.
	Dir string
}

// Server is a running registry.
type Server struct {
	Host     string // 127.0.0.1:PORT
	CAFile   string // empty without TLS
	AuthFile string // in docker's and podman's format; empty without Htpasswd
}

// Options are what pkg/registry needs to use the server.
func (s *Server) Options() registry.Options {
	return registry.Options{PlainHTTP: s.CAFile == "", CAFile: s.CAFile, AuthFile: s.AuthFile}
}

// Distribution starts CNCF distribution, the program "registry" (version 3), on
// a free port of the loopback address and ends it with the test. Without the
// program the test is skipped, see [tools.Need].
func Distribution(t testing.TB, opts DistributionOptions) *Server {
	t.Helper()
	program := tools.Need(t, "registry")
	dir := t.TempDir()
	server := &Server{}
	config := map[string]any{"version": "0.1", "log": map[string]any{"level": "warn", "accesslog": map[string]any{"disabled": true}}}
	config["storage"] = map[string]any{"inmemory": map[string]any{}, "delete": map[string]any{"enabled": true}}
	if opts.Dir != "" {
		config["storage"] = map[string]any{
			"filesystem": map[string]any{"rootdirectory": opts.Dir},
			"delete":     map[string]any{"enabled": true},
		}
	}
	listen := map[string]any{"secret": "of no importance"}
	if opts.TLS {
		files := NewCertificates(t)
		server.CAFile = files.CAFile
		listen["tls"] = map[string]any{"certificate": files.CertFile, "key": files.KeyFile}
	}
	if opts.Htpasswd {
		config["auth"] = map[string]any{"htpasswd": map[string]any{"realm": "test", "path": htpasswd(t, dir)}}
	}
	config["http"] = listen

	// The port is free when it is chosen, which is not a promise.
	var err error
	for range 5 {
		server.Host, err = freeAddress()
		if err != nil {
			break
		}
		listen["addr"] = server.Host
		if err = start(t, program, dir, config, server); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("start the registry: %v", err)
	}
	if opts.Htpasswd {
		server.AuthFile = WriteAuthFile(t, server.Host, Username, Password)
	}
	return server
}

func htpasswd(t testing.TB, dir string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(Password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "htpasswd")
	if err := os.WriteFile(path, fmt.Appendf(nil, "%s:%s\n", Username, hash), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// WriteAuthFile writes a credentials file with one entry. The key is a host, or
// for podman a host and the beginning of a repository.
func WriteAuthFile(t testing.TB, key, username, password string) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{"auths": map[string]any{
		key: map[string]any{"auth": base64.StdEncoding.EncodeToString([]byte(username + ":" + password))},
	}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "auth.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// start runs the registry until the test ends; it has answered when start
// returns without an error.
func start(t testing.TB, program, dir string, config map[string]any, server *Server) error {
	// JSON is YAML.
	data, err := json.Marshal(config)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	var log bytes.Buffer
	command := exec.Command(program, "serve", path)
	command.Stdout, command.Stderr = &log, &log
	// Variables that begin with REGISTRY_ would change the configuration.
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "OTEL_TRACES_EXPORTER=none"}
	if err := command.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-exited
		if t.Failed() && log.Len() > 0 {
			t.Logf("the registry said:\n%s", &log)
		}
	})
	if err := answers(t.Context(), server, exited); err != nil {
		_ = command.Process.Kill()
		<-exited
		return fmt.Errorf("%w: %s", err, &log)
	}
	return nil
}

func answers(ctx context.Context, server *Server, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	address := "http://" + server.Host + "/v2/"
	if server.CAFile != "" {
		pem, err := os.ReadFile(server.CAFile)
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
		address = strings.Replace(address, "http://", "https://", 1)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		if resp, err := (&http.Client{Transport: transport}).Do(req); err == nil {
			return resp.Body.Close()
		}
		select {
		case <-tick.C:
		case <-exited:
			return errors.New("it ended")
		case <-ctx.Done():
			return errors.New("no answer in 30 seconds")
		}
	}
}
