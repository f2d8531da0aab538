package option_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/policy"
)

func refusal(step int, code policy.Code, cause error) error {
	r := policy.Refuse(step, code, "tag x")
	r.Err = cause
	return r
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"none", nil, option.ExitOK},
		{"any", errors.New("any"), option.ExitError},
		{"usage", option.Usage(errors.New("no key")), option.ExitUsage},
		{"refused", refusal(9, policy.ReleaseSignature, nil), option.ExitRefused},
		{"conflict", &publish.ConflictError{Tag: "x"}, option.ExitConflict},
		{"not found", &registry.Error{Op: "resolve", Kind: errdef.ErrNotFound}, option.ExitNotFound},
		{"a revision that is not there", refusal(1, policy.RevisionMissing, errdef.ErrNotFound), option.ExitNotFound},
		{"a part of a revision that is not there", refusal(7, policy.RevisionMissing, errdef.ErrNotFound), option.ExitRefused},
		{"unauthorized", &registry.Error{Op: "push", Kind: registry.ErrUnauthorized}, option.ExitUnauthorized},
		{"unauthorized, so nothing could be verified", refusal(7, policy.Unavailable, registry.ErrUnauthorized), option.ExitUnauthorized},
		{"unreachable", &registry.Error{Op: "push", Kind: registry.ErrUnreachable}, option.ExitUnreachable},
		{"no trusted TLS", &registry.Error{Op: "push", Kind: registry.ErrTLS}, option.ExitUnreachable},
		{"a bad wheel", &wheel.Error{File: "x.whl", Rule: wheel.RuleArchive}, option.ExitInput},
		{"bad wheels", errors.Join(&wheel.Error{File: "x.whl"}, &wheel.Error{File: "y.whl"}), option.ExitInput},
		{"a broken rule of the format", &artifact.Violation{Rule: "json"}, option.ExitInput},
		{"a bad file", option.Input(errors.New("typo")), option.ExitInput},
		{"what does not fit the index", &publish.InputError{}, option.ExitInput},
		{"interrupted", fmt.Errorf("push: %w", context.Canceled), option.ExitInterrupted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := option.ExitCode(tt.err); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
			if tt.err != nil {
				if got := option.ExitCode(fmt.Errorf("wrapped: %w", tt.err)); got != tt.want {
					t.Errorf("wrapped: exit code %d, want %d", got, tt.want)
				}
			}
		})
	}
}

var (
	constant = regexp.MustCompile(`(?m)^\tExit(\w+) +=\s(\d+)$`)
	row      = regexp.MustCompile("(?m)^\\| (\\d+) \\| `(\\w+)` \\|")
)

// TestDocumentedExitCodes compares the constants with the table of
// docs/exit-codes.md.
func TestDocumentedExitCodes(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("exit.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string]string{}, map[string]string{}
	for _, m := range constant.FindAllSubmatch(source, -1) {
		want[string(m[1])] = string(m[2])
	}
	for _, m := range row.FindAllSubmatch(doc, -1) {
		got[string(m[2])] = string(m[1])
	}
	if len(want) == 0 {
		t.Fatal("no constants found")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/exit-codes.md (-constants +documented):\n%s", diff)
	}
}
