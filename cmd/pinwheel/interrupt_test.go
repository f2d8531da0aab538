package main_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
)

// TestInterrupt presses Ctrl-C while the registry keeps the program waiting.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(asked) })
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	cmd := exec.CommandContext(t.Context(), "pinwheel", "show", "--plain-http", strings.TrimPrefix(server.URL, "http://")+"/tools/wheels")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != option.ExitInterrupted {
		t.Errorf("it ended with %v, want exit code %d", err, option.ExitInterrupted)
	}
	if !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("it says %q", stderr.String())
	}
}
