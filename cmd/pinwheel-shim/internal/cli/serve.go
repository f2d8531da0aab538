package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
	"github.com/pinwheel-oci/pinwheel/shim"
	"github.com/pinwheel-oci/pinwheel/shim/source"
)

// minPoll keeps a shim from flooding its registry.
const minPoll = 100 * time.Millisecond

type serveFlags struct {
	store     option.Store
	sources   []string
	policy    string
	listen    string
	addrFile  string
	state     string
	indexes   []string
	candidate bool
	poll      time.Duration
	maxAge    time.Duration
	drain     time.Duration
	logFormat string
}

func serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve --source HOST/REPO|oci-layout:DIR --policy FILE",
		Short: "Serve indexes to pip, uv and other clients",
		Long: `Serve follows the indexes of a policy in registries or OCI layouts, verifies each
revision before it is served, and answers pip and uv. The addresses of the
indexes go to standard output as soon as the server listens; /readyz tells how
each index is doing. docs/shim.md describes everything that is served.`,
		Example: `  pinwheel-shim serve --source registry.example/tools/wheels-3.4 --policy policy.yaml
  pinwheel-shim serve --source oci-layout:/srv/wheels --policy policy.yaml --listen :8080
  pip install --index-url http://127.0.0.1:8080/tools/3.4/cpu-ubi9/simple/ PACKAGE`,
		Args: option.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), &f, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.add(cmd)
	return cmd
}

func (f *serveFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.store.AddFlags(flags)
	flags.StringArrayVar(&f.sources, "source", nil, "repository or OCI layout with the indexes (repeat; an index comes from the first that has it)")
	flags.StringVar(&f.policy, "policy", "", "policy `file` (docs/policy.md)")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`address` to listen at; port 0 takes a free one")
	flags.StringVar(&f.addrFile, "addr-file", "", "write the address that the server listens at to `file`")
	flags.StringVar(&f.state, "state", "", "`directory` for what must not be forgotten (default $XDG_STATE_HOME/pinwheel)")
	flags.StringArrayVar(&f.indexes, "index", nil, "`name` of an index to serve (repeat; default: every index of the policy)")
	flags.BoolVar(&f.candidate, "candidate", false, "also serve what is under test, below …-test")
	flags.DurationVar(&f.poll, "poll", source.DefaultInterval, "look for a newer revision this often")
	flags.DurationVar(&f.maxAge, "max-age", shim.DefaultMaxAge, "how long clients may keep pages")
	flags.DurationVar(&f.drain, "drain", 30*time.Second, "how long downloads may go on after SIGTERM")
	flags.StringVar(&f.logFormat, "log-format", "text", "log as text or json")
}

func serve(ctx context.Context, f *serveFlags, out, errOut io.Writer) error {
	log, err := f.logger(errOut)
	if err != nil {
		return err
	}
	names, rules, err := f.chosen()
	if err != nil {
		return err
	}
	places, err := parsePlaces(f.sources, f.store.Options())
	if err != nil {
		return err
	}
	state, err := f.stateDir()
	if err != nil {
		return err
	}
	s := &server{log: log, out: out, drain: f.drain}
	for _, name := range names {
		if err := s.add(f, rules.Indexes[name], &origin{name: name, places: places}, state); err != nil {
			return err
		}
	}
	if f.maxAge == 0 {
		f.maxAge = -1 // 0 would be the default
	}
	handler, err := shim.New(shim.Options{Indexes: s.indexes, MaxAge: f.maxAge, Log: log})
	if err != nil {
		return err
	}
	return s.run(ctx, f, handler)
}

func (f *serveFlags) logger(errOut io.Writer) (*slog.Logger, error) {
	switch f.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(errOut, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(errOut, nil)), nil
	default:
		return nil, option.Usage(fmt.Errorf("--log-format %q: want text or json", f.logFormat))
	}
}

// chosen returns the names to serve, in order, and the policy.
func (f *serveFlags) chosen() ([]index.Name, *policy.Policy, error) {
	if f.policy == "" {
		return nil, nil, option.Usage(errors.New("no policy: give --policy FILE; without one nothing may be served"))
	}
	if f.poll < minPoll || f.maxAge < 0 || f.drain < 0 {
		return nil, nil, option.Usage(errors.New("--poll wants at least 100ms, --max-age and --drain at least 0s"))
	}
	p, err := option.LoadPolicy(f.policy)
	if err != nil {
		return nil, nil, err
	}
	if len(f.indexes) == 0 {
		return slices.SortedFunc(maps.Keys(p.Indexes), compareNames), p, nil
	}
	var names []index.Name
	for _, s := range f.indexes {
		name, err := index.ParseName(s)
		if err != nil {
			return nil, nil, option.Usage(err)
		}
		if p.Indexes[name] == nil {
			return nil, nil, option.Usage(fmt.Errorf("--index %s: policy %s has no such index", s, f.policy))
		}
		names = append(names, name)
	}
	return names, p, nil
}

func compareNames(a, b index.Name) int {
	return strings.Compare(a.String(), b.String())
}

// stateDir is where state is kept: the XDG base directory specification's place
// for it, unless told otherwise.
func (f *serveFlags) stateDir() (string, error) {
	if f.state != "" {
		return f.state, nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "pinwheel"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", option.Usage(errors.New("no place for state: give --state DIR, on a disk that outlives the process"))
	}
	return filepath.Join(home, ".local", "state", "pinwheel"), nil
}

// add makes the followers of one index.
func (s *server) add(f *serveFlags, rules *policy.Index, from *origin, state string) error {
	verifier := &verify.Verifier{Store: verified{from}, Rules: rules, Now: time.Now}
	follow := func(kind policy.Kind) (*source.Follower, error) {
		file, err := source.OpenState(state, rules.Name, kind.Stage())
		if err != nil {
			return nil, err
		}
		follower := source.NewFollower(source.Options{Verifier: verifier, Kind: kind, State: file, Interval: f.poll, Log: s.log})
		s.followers = append(s.followers, follower)
		return follower, nil
	}
	live, err := follow(policy.Live)
	if err != nil {
		return err
	}
	ix := shim.Index{
		Name: rules.Name, Live: live, Blobs: blobs{from},
		Pins: source.NewPins(source.PinOptions{Verifier: verifier, State: live.State, Named: live.Names}),
	}
	if f.candidate {
		candidate, err := follow(policy.Candidate)
		if err != nil {
			return err
		}
		ix.Candidate = candidate
	}
	s.indexes = append(s.indexes, ix)
	return nil
}
