package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

type publishFlags struct {
	writeFlags
	base       string
	target     string
	epoch      uint64
	replace    bool
	sdists     bool
	allowLarge bool
	noWheelSig bool
}

func (p *program) publishCommand() *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:   "publish FILE|DIR...",
		Short: "Publish wheels as the next revision of an index, for testing",
		Long: `Publish adds wheels to an index. It writes one new revision, signed, and makes
it the candidate; users see it only after 'pinwheel promote'. Wheels that are
there already are not sent again. Run it again after any failure: it goes on
where it stopped.`,
		Example: `  pinwheel publish --to registry.example/tools/wheels-3.4 --index tools/3.4/cpu-ubi9 --key release.key dist/
  pinwheel publish --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key release.key --dry-run dist/
  pinwheel publish --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key release.key --plan plan.json dist/`,
		RunE: func(cmd *cobra.Command, args []string) error { return p.publish(cmd.Context(), &f, args) },
	}
	f.add(cmd, p, true)
	cmd.Flags().StringVar(&f.base, "base", "", "what to build on: candidate, live or none (default: the candidate, else live)")
	cmd.Flags().StringVar(&f.target, "target", "", "YAML `file` that declares the environments of the index")
	cmd.Flags().Uint64Var(&f.epoch, "epoch", 0, "epoch of the index (default: that of the base, or 1)")
	cmd.Flags().BoolVar(&f.replace, "replace", false, "retire wheels that differ from a new one only by a lower build tag")
	cmd.Flags().BoolVar(&f.sdists, "sdists", false, "take sdists from directories too")
	cmd.Flags().BoolVar(&f.allowLarge, "allow-large", false, "allow an index of over 1 MiB, which some registries refuse")
	cmd.Flags().BoolVar(&f.noWheelSig, "no-wheel-signatures", false, "do not sign single wheels for cosign, where the registry lists referrers")
	return cmd
}

func (p *program) publish(ctx context.Context, f *publishFlags, args []string) error {
	name, err := f.parse()
	if err != nil {
		return err
	}
	bar := p.newProgress()
	defer bar.done()
	// A dry run must not create a layout.
	s, err := p.openTarget(ctx, &f.writeFlags, bar)
	if err != nil {
		return err
	}
	plan, err := p.publishPlan(ctx, f, name, s, args)
	if errors.Is(err, publish.ErrNothingToDo) {
		p.note("%v", err)
		return p.answerPublish(plan, false)
	}
	if err != nil || f.dryRun {
		if err == nil {
			err = p.answerPublish(plan, false)
		}
		return err
	}
	if err := plan.Apply(ctx, s); err != nil {
		return err
	}
	bar.done()
	return p.answerPublish(plan, true)
}

// openTarget opens the destination; a dry run on a layout that does not exist
// plans against an empty store.
func (p *program) openTarget(ctx context.Context, f *writeFlags, bar *progress) (registry.Store, error) {
	if !f.dryRun {
		s, _, err := p.openForWriting(ctx, f.to, bar)
		return s, err
	}
	s, r, err := p.store.Open(ctx, f.to, nil)
	if err != nil && r.Kind == registry.KindLayout {
		if _, statErr := os.Stat(r.Dir); errors.Is(statErr, os.ErrNotExist) {
			return registry.NewMemory(), nil
		}
	}
	return s, err
}

func (p *program) publishPlan(ctx context.Context, f *publishFlags, name index.Name, s registry.Store, args []string) (*publish.Plan, error) {
	if data, ok, err := readPlan(f.plan); err != nil || ok {
		if err != nil {
			return nil, err
		}
		plan, err := publish.DecodePlan(data)
		if err != nil {
			return nil, option.Input(fmt.Errorf("%s: %w", f.plan, err))
		}
		if plan.Name != f.name {
			return nil, option.Usage(fmt.Errorf("%s is a plan for %s, not for %s", f.plan, plan.Name, f.name))
		}
		p.note("applying the plan in %s", f.plan)
		return plan, nil
	}
	signers, err := p.loadSigners(f.keys, f.passwordFile)
	if err != nil {
		return nil, err
	}
	o := publish.Options{Name: name, Base: publish.Base(f.base), Replace: f.replace, Epoch: f.epoch, Signers: signers, AllowLarge: f.allowLarge, SignWheels: !f.noWheelSig, Now: p.now()}
	if o.Trusted, err = f.trusted(); err != nil {
		return nil, err
	}
	if o.Target, err = loadTarget(f.target); err != nil {
		return nil, err
	}
	if o.Files, err = candidates(ctx, args, f.sdists); err != nil {
		return nil, err
	}
	plan, err := publish.NewPlan(ctx, s, o)
	if err != nil {
		return plan, err
	}
	return plan, savePlan(f.plan, plan)
}

// readPlan returns a saved plan, if there is one.
func readPlan(file string) ([]byte, bool, error) {
	if file == "" {
		return nil, false, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// savePlan writes a plan before anything of it is applied.
func savePlan(file string, plan interface{ Encode() ([]byte, error) }) error {
	if file == "" {
		return nil
	}
	data, err := plan.Encode()
	if err != nil {
		return err
	}
	tmp := file + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, file)
}

type publishAnswer struct {
	Index    string           `json:"index"`
	Serial   uint64           `json:"serial"`
	Revision string           `json:"revision"`
	Tag      string           `json:"tag"`
	Base     *publish.Point   `json:"base,omitempty"`
	Written  bool             `json:"written"`
	Changes  []publish.Change `json:"changes"`
}

func (p *program) answerPublish(plan *publish.Plan, written bool) error {
	name, err := index.ParseName(plan.Name)
	if err != nil {
		return err
	}
	a := publishAnswer{
		Index: plan.Name, Serial: plan.Serial, Revision: string(plan.Revision.Digest), Tag: name.RevisionTag(plan.Serial),
		Base: plan.Base, Written: written, Changes: append([]publish.Change{}, plan.Changes...),
	}
	return p.answer(a, func(w io.Writer) error {
		for _, c := range a.Changes {
			fmt.Fprintf(w, "%-6s %s  %s\n", c.Action, c.Filename, size(c.Size))
		}
		if a.Base != nil {
			fmt.Fprintf(w, "base     %d %s\n", a.Base.Serial, a.Base.Revision)
		}
		fmt.Fprintf(w, "revision %d %s\n", a.Serial, a.Revision)
		return nil
	})
}
