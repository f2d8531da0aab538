// Package option has what both programs do alike on the command line: opening
// stores, loading policies, versions, and exit codes (docs/exit-codes.md).
package option

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// Store are the flags for reaching registries.
type Store struct {
	PlainHTTP   bool
	CAFile      string
	AuthFile    string
	Concurrency int
}

// AddFlags declares the flags.
func (o *Store) AddFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.PlainHTTP, "plain-http", false, "talk to the registry over HTTP without TLS")
	f.StringVar(&o.CAFile, "ca-file", "", "PEM `file` with certificates to trust besides the system's")
	f.StringVar(&o.AuthFile, "authfile", "", "`file` with registry credentials (default: podman's and docker's)")
	f.IntVar(&o.Concurrency, "concurrency", registry.DefaultConcurrency, "`number` of requests to the registry at once")
}

// Options returns the flags as options for [registry.Open].
func (o *Store) Options() registry.Options {
	return registry.Options{
		PlainHTTP: o.PlainHTTP, CAFile: o.CAFile, AuthFile: o.AuthFile, Concurrency: o.Concurrency,
		LookupEnv: os.LookupEnv, UserAgent: "pinwheel/" + Version(),
	}
}

// cacheBytes bounds the manifests and catalogs that one command keeps.
const cacheBytes = 64 << 20

// Open opens what ref names. change, if given, adjusts the options.
func (o *Store) Open(ctx context.Context, ref string, change func(*registry.Options)) (registry.Store, registry.Reference, error) {
	r, err := registry.ParseReference(ref)
	if err != nil {
		return nil, r, Usage(err)
	}
	for _, file := range []string{o.AuthFile, o.CAFile} {
		if err := checkReadable(file); err != nil {
			return nil, r, err
		}
	}
	opts := o.Options()
	if change != nil {
		change(&opts)
	}
	s, err := registry.Open(ctx, r, opts)
	if err != nil {
		return nil, r, err
	}
	return registry.Cached(s, cacheBytes), r, nil
}

// checkReadable finds out before the first request whether a file that was named
// is there.
func checkReadable(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return Input(err)
	}
	return f.Close()
}

// LoadPolicy reads a policy file and the keys that it names.
func LoadPolicy(file string) (*policy.Policy, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, Input(fmt.Errorf("policy: %w", err))
	}
	p, err := policy.Parse(data, func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(file), name)
		}
		return os.ReadFile(name)
	})
	if err != nil {
		return nil, Input(fmt.Errorf("%s: %w", file, err))
	}
	return p, nil
}

// usageError marks mistakes on the command line, inputError those in files.
type (
	usageError struct{ error }
	inputError struct{ error }
)

// Usage marks err as a mistake on the command line.
func Usage(err error) error { return usageError{err} }

// Input marks err as a mistake in a file that the user gave.
func Input(err error) error { return inputError{err} }

// Input makes [ExitCode] answer [ExitInput].
func (inputError) Input() bool { return true }

func (e usageError) Unwrap() error { return e.error }
func (e inputError) Unwrap() error { return e.error }

// IsUsage reports whether err is a mistake on the command line.
func IsUsage(err error) bool {
	var u usageError
	return errors.As(err, &u)
}
