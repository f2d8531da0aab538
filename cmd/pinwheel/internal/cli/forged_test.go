package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/test/signtest"
)

// TestForgedReports: whoever has the release key can write that gates passed. The
// report that it rests on is read by who promotes and by who verifies.
func TestForgedReports(t *testing.T) {
	t.Parallel()
	honest := func(edit func(*publish.Draft)) publish.Judge {
		return func(ctx context.Context, d *publish.Draft) (*publish.Verdict, error) {
			edit(d)
			r, err := gate.Run(ctx, gate.Input{Candidate: d.Candidate, Live: d.Live, LiveDigest: d.LiveDigest, Facts: d.Facts, Names: d.Names, Now: time.Now()})
			if err != nil {
				return nil, err
			}
			data, err := r.Encode()
			return &publish.Verdict{Pass: true, Report: data}, err
		}
	}
	for name, tt := range map[string]struct {
		judge publish.Judge
		says  string // "" for the honest one
	}{
		"honest": {honest(func(*publish.Draft) {}), ""},
		"no report at all": {func(context.Context, *publish.Draft) (*publish.Verdict, error) {
			return &publish.Verdict{Pass: true, Report: []byte("{}")}, nil
		}, "report"},
		"of another index": {honest(func(d *publish.Draft) {
			other := *d.Candidate
			other.Variant, d.Candidate = "cuda13.0-ubi9", &other
		}), "cuda13.0-ubi9"},
		"of another serial": {honest(func(d *publish.Draft) {
			other := *d.Candidate
			other.Serial, d.Candidate = 7, &other
		}), "serial 7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to, files := forge(t, tt.judge)
			run := func(args ...string) (string, int) {
				var out bytes.Buffer
				code := Main(args, os.Stdin, &out, &out)
				return out.String(), code
			}
			verified, verify := run("verify", "--policy", files.policy, "--candidate", "--deep", to)
			promoted, promote := run("promote", "--to", to, "--index", "tools/3.4/cpu-ubi9", "--key", files.key)
			if tt.says == "" {
				if verify != option.ExitOK || promote != option.ExitOK {
					t.Errorf("verify %d: %s\npromote %d: %s", verify, verified, promote, promoted)
				}
				return
			}
			if verify != option.ExitRefused || !strings.Contains(verified, "gates-not-passed") || !strings.Contains(verified, tt.says) {
				t.Errorf("verify %d: %s", verify, verified)
			}
			if promote != option.ExitGates || !strings.Contains(promoted, tt.says) {
				t.Errorf("promote %d: %s", promote, promoted)
			}
		})
	}
}

type forgedFiles struct{ key, policy string }

// forge publishes an empty revision, judged by judge, into a layout.
func forge(t *testing.T, judge publish.Judge) (to string, files forgedFiles) {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	signer, _, private, public := signtest.ECDSA(t, "vendor")
	files.key = write("vendor.key", private)
	write("vendor.pub", public)
	files.policy = write("policy.yaml", []byte("version: 1\nkeys:\n  vendor: {file: vendor.pub, roles: [release, promote, refresh]}\nindexes:\n  - name: tools/3.4/cpu-ubi9\n"))
	to = registry.LayoutPrefix + filepath.Join(dir, "layout")
	ref, err := registry.ParseReference(to)
	if err != nil {
		t.Fatal(err)
	}
	s, err := registry.Open(t.Context(), ref, registry.Options{CreateLayout: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := publish.NewPlan(t.Context(), s, publish.Options{
		Name: index.Name{Product: "tools", Series: "3.4", Variant: "cpu-ubi9"}, Signers: []sign.Signer{signer}, Judge: judge, Now: time.Now(),
	})
	if err == nil {
		err = p.Apply(t.Context(), s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to, files
}
