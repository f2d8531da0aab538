package cli

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// TestHelp reads the commands themselves, which only this package sees.
func TestHelp(t *testing.T) {
	t.Parallel()
	p := &program{out: io.Discard, err: io.Discard, now: time.Now}
	root := p.root()
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			visit(sub)
		}
		if c.Hidden || c.Name() == "help" {
			return
		}
		path := c.CommandPath()
		if c.Short == "" || c.Long == "" {
			t.Errorf("%s has no description", path)
		}
		if !strings.Contains(c.Example, path) {
			t.Errorf("%s has no example", path)
		}
		if strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: its short description ends with a full stop", path)
		}
		for line := range strings.Lines(c.Long) {
			if c.Parent() != nil && c.Parent().Name() != "completion" && len(line) > 81 {
				t.Errorf("%s: a line of its description has %d characters", path, len(line)-1)
			}
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s is not described", path, f.Name)
			}
			if name, _ := pflag.UnquoteUsage(f); name == "string" || name == "strings" || name == "uint" || name == "int" || name == "duration" {
				t.Errorf("%s --%s: say in its description what the %s is", path, f.Name, name)
			}
		})
	}
	visit(root)
}

// TestExamplesParse holds each example against the flags that there are.
func TestExamplesParse(t *testing.T) {
	t.Parallel()
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			visit(sub)
		}
		for line := range strings.Lines(c.Example) {
			words := strings.Fields(line)
			for len(words) > 0 && strings.Contains(words[0], "=") {
				words = words[1:] // a variable of the environment
			}
			if len(words) == 0 || words[0] != "pinwheel" {
				t.Errorf("%s: the example %q does not call pinwheel", c.CommandPath(), line)
				continue
			}
			p := &program{out: io.Discard, err: io.Discard, now: time.Now}
			found, args, err := p.root().Find(words[1:])
			if err == nil {
				err = found.ParseFlags(args)
			}
			if err != nil {
				t.Errorf("%s: the example %q: %v", c.CommandPath(), line, err)
			}
		}
	}
	p := &program{out: io.Discard, err: io.Discard, now: time.Now}
	visit(p.root())
}

// TestProgress has one file on its way and one that is there already.
func TestProgress(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := newProgress(&out, func() time.Time { now = now.Add(progressEvery); return now })
	a, c := strings.Repeat("a", 64), strings.Repeat("c", 64)
	b.expect(&publish.Plan{Uploads: []publish.Upload{{File: index.File{SHA256: a, Size: 4096}}, {File: index.File{SHA256: c, Size: 2048}}}})
	for _, tt := range []struct {
		event registry.Event
		sha   string
		size  int64
		want  string
	}{
		{registry.Event{Kind: registry.EventSent, Bytes: 1024}, a, 4096, "1.0 KiB of 6.0 KiB sent, 0 stored, 0 there already"},
		{registry.Event{Kind: registry.EventSkipped}, c, 2048, "1.0 KiB of 4.0 KiB sent, 0 stored, 1 there already"},
		{registry.Event{Kind: registry.EventPushed}, a, 4096, "4.0 KiB of 4.0 KiB sent, 1 stored, 1 there already"},
	} {
		out.Reset()
		tt.event.Desc = ocispec.Descriptor{Digest: artifact.HexDigest(tt.sha), Size: tt.size}
		b.event(tt.event)
		if got := strings.TrimPrefix(out.String(), "\r\x1b[K"); got != tt.want {
			t.Errorf("it shows %q, want %q", got, tt.want)
		}
	}
	out.Reset()
	b.done()
	if out.String() != "\r\x1b[K" {
		t.Errorf("at the end it leaves %q", out.String())
	}
}

// TestNoProgressInPipes keeps logs free of it.
func TestNoProgressInPipes(t *testing.T) {
	t.Parallel()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := &program{err: f, now: time.Now}
	if p.newProgress() != nil {
		t.Error("progress goes to a file")
	}
}
