package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// revisionFlags are those of commands that make the next revision.
type revisionFlags struct {
	writeFlags
	gateFlags
	base       string
	target     string
	retention  time.Duration
	allowLarge bool
}

func (f *revisionFlags) add(cmd *cobra.Command, p *program) {
	f.writeFlags.add(cmd, p, true)
	f.gateFlags.add(cmd)
	cmd.Flags().StringVar(&f.base, "base", "", "`revision` to build on: candidate, live or none (default: the candidate, else live)")
	cmd.Flags().StringVar(&f.target, "target", "", "YAML `file` that declares the environments of the index")
	cmd.Flags().Var((*days)(&f.retention), "retention", "drop files that were retired longer ago than this `time`, such as 90d (default: keep them all)")
	cmd.Flags().BoolVar(&f.allowLarge, "allow-large", false, "allow an index of over 1 MiB, which some registries refuse")
}

func (f *revisionFlags) parse() (index.Name, error) {
	name, err := f.writeFlags.parse()
	if err == nil && !slices.Contains([]publish.Base{publish.BaseNewest, publish.BaseCandidate, publish.BaseLive, publish.BaseNone}, publish.Base(f.base)) {
		err = option.Usage(fmt.Errorf("--base %q: want candidate, live or none", f.base))
	}
	return name, err
}

type publishFlags struct {
	revisionFlags
	epoch      uint64
	remove     []string
	replace    bool
	sdists     bool
	noWheelSig bool
}

func (p *program) publishCommand() *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:   "publish [FILE|DIR...]",
		Short: "Publish wheels as the next revision of an index, for testing",
		Long: `Publish adds wheels to an index. It writes one new revision, signed, and makes
it the candidate; users see it only after 'pinwheel promote'. Wheels that are
there already are not sent again. Run it again after any failure: it goes on
where it stopped.

With --plan the plan is saved, whole or not at all, before anything is written;
a rerun with the same file ends at the same digests. --dry-run --plan FILE saves
a plan to be reviewed and applied later.

--remove takes files off the pages: one by its name, or a project, all or some
of its versions. What was live stays downloadable for locks (it is retired)
until --retention ends it. Without files, and with --base candidate, the newest
revision is planned and judged again on top of what is live now.`,
		Example: `  pinwheel publish --to registry.example/tools/wheels-3.4 --index tools/3.4/cpu-ubi9 --key release.key dist/
  pinwheel publish --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key release.key --dry-run dist/
  pinwheel publish --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key release.key --plan plan.json dist/
  pinwheel publish --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key release.key --remove 'numpy<2' --retention 90d`,
		RunE: func(cmd *cobra.Command, args []string) error { return p.publish(cmd.Context(), &f, args) },
	}
	f.add(cmd, p)
	cmd.Flags().StringArrayVar(&f.remove, "remove", nil, "`selector` of files to take off the pages: a file name, a project, or versions as in 'numpy<2' (repeat for more)")
	cmd.Flags().Uint64Var(&f.epoch, "epoch", 0, "epoch `number` of the index (default: that of the base, or 1)")
	cmd.Flags().BoolVar(&f.replace, "replace", false, "retire wheels that differ from a new one only by a lower build tag")
	cmd.Flags().BoolVar(&f.sdists, "sdists", false, "take sdists from directories too")
	cmd.Flags().BoolVar(&f.noWheelSig, "no-wheel-signatures", false, "do not sign single wheels for cosign, where the registry lists referrers")
	return cmd
}

func (p *program) publish(ctx context.Context, f *publishFlags, args []string) error {
	return p.writeRevision(ctx, &f.revisionFlags, func(o *publish.Options) error {
		o.Replace, o.Epoch, o.SignWheels = f.replace, f.epoch, !f.noWheelSig
		var err error
		if o.Remove, err = selectors(f.remove); err != nil {
			return err
		}
		// Without files the rest must say what to do: an empty list of files is
		// more often a mistake.
		editing := len(f.remove) > 0 || f.target != "" || f.epoch > 0 || f.retention > 0
		if len(args) == 0 && f.base != string(publish.BaseNone) && (editing || f.base != "") {
			return nil
		}
		o.Files, err = p.candidates(ctx, args, f.sdists)
		return err
	})
}

// writeRevision plans and writes the next revision; fill adds to the options what
// the command is about.
func (p *program) writeRevision(ctx context.Context, f *revisionFlags, fill func(*publish.Options) error) error {
	// Everything that the user gave is looked at before anything is made.
	name, err := f.parse()
	if err != nil {
		return err
	}
	plan, err := savedPlan(p, &f.writeFlags, publish.DecodePlan, func(plan *publish.Plan) string { return plan.Name })
	if err != nil {
		return err
	}
	var o publish.Options
	if plan == nil {
		if o, err = p.revisionOptions(ctx, f, name, fill); err != nil {
			return err
		}
	}
	bar := p.newProgress()
	defer bar.done()
	s, err := p.openTarget(ctx, &f.writeFlags, bar)
	if err != nil {
		return err
	}
	if plan == nil {
		if err := p.warnSplit(ctx, s, name); err != nil {
			return err
		}
		plan, err = publish.NewPlan(ctx, s, o)
		if errors.Is(err, publish.ErrNothingToDo) {
			p.note("%v", err)
			return p.answerPublish(plan, nil, false)
		}
		if err != nil {
			return err
		}
		if err := savePlan(f.plan, plan); err != nil {
			return err
		}
	}
	report, err := readReport(plan.Report())
	if err != nil {
		return err
	}
	if err := f.saveReport(report); err != nil {
		return err
	}
	failed := report != nil && report.Result != gate.Pass
	if failed && !f.keepFailed {
		bar.done()
		return errors.Join(p.answerPublish(plan, report, false), &gatesError{})
	}
	if !f.dryRun {
		bar.expect(plan)
		if plan.Lease, err = p.lease(&f.writeFlags); err != nil {
			return err
		}
		if err := plan.Apply(ctx, s); err != nil {
			return err
		}
		bar.done()
	}
	p.dry(!f.dryRun)
	if err := p.answerPublish(plan, report, !f.dryRun); err != nil || !failed {
		return err
	}
	return &gatesError{written: !f.dryRun}
}

// warnSplit tells of a live tag that is not where the head says.
func (p *program) warnSplit(ctx context.Context, s publish.Store, name index.Name) error {
	split, err := publish.FindSplit(ctx, s, name)
	if err == nil && split != nil {
		p.note("warning: %s", split)
	}
	return err
}

// dry says that nothing was written.
func (p *program) dry(written bool) {
	if !written {
		p.note("nothing was written")
	}
}

// openTarget opens the destination. A dry run must not create a layout: it plans
// against an empty store instead.
func (p *program) openTarget(ctx context.Context, f *writeFlags, bar *progress) (registry.Store, error) {
	if !f.dryRun {
		s, _, err := p.openForWriting(ctx, f.to, bar)
		return s, err
	}
	s, r, err := p.store.Open(ctx, f.to, p.asWriter)
	if err != nil && r.Kind == registry.KindLayout {
		if _, statErr := os.Stat(r.Dir); errors.Is(statErr, os.ErrNotExist) {
			return registry.NewMemory(), nil
		}
	}
	return s, err
}

func (p *program) revisionOptions(ctx context.Context, f *revisionFlags, name index.Name, fill func(*publish.Options) error) (publish.Options, error) {
	o := publish.Options{Name: name, Base: publish.Base(f.base), Retention: f.retention, AllowLarge: f.allowLarge, Writer: f.lease.name(), Now: p.now()}
	var err error
	if o.Signers, err = p.loadSigners(ctx, f.keys, f.passwordFile); err != nil {
		return o, err
	}
	if o.Trusted, err = f.trusted(); err != nil {
		return o, err
	}
	if o.Target, err = loadTarget(f.target); err != nil {
		return o, err
	}
	if o.Judge, err = f.judge(o.Now); err != nil {
		return o, err
	}
	return o, fill(&o)
}

type publishAnswer struct {
	Index    string           `json:"index"`
	Serial   uint64           `json:"serial"`
	Revision string           `json:"revision"`
	Tag      string           `json:"tag"`
	Base     *publish.Point   `json:"base,omitempty"`
	Written  bool             `json:"written"`
	Changes  []publish.Change `json:"changes"`
	Skipped  []string         `json:"skipped,omitempty"`
	// Gates is the report on the revision.
	Gates *gate.Report `json:"gates,omitempty"`
}

// answerPublish says what a plan is about; report is nil if there is none.
func (p *program) answerPublish(plan *publish.Plan, report *gate.Report, written bool) error {
	name, err := index.ParseName(plan.Name)
	if err != nil {
		return err
	}
	a := publishAnswer{
		Index: plan.Name, Serial: plan.Serial, Revision: string(plan.Revision.Digest), Tag: name.RevisionTag(plan.Serial),
		Base: plan.Base, Written: written, Changes: append([]publish.Change{}, plan.Changes...), Skipped: plan.Skipped, Gates: report,
	}
	return p.answer(a, func(w io.Writer) error {
		for _, c := range a.Changes {
			fmt.Fprintln(w, changeLine(c))
		}
		for _, name := range a.Skipped {
			fmt.Fprintf(w, "skip   %s  there is a higher build tag\n", name)
		}
		if a.Base != nil {
			fmt.Fprintf(w, "base     %d %s\n", a.Base.Serial, a.Base.Revision)
		}
		if report != nil && report.Result != gate.Pass {
			return report.Text(w)
		}
		if report != nil {
			if err := report.Brief(w); err != nil {
				return err
			}
		}
		fmt.Fprintf(w, "revision %d %s\n", a.Serial, a.Revision)
		return nil
	})
}

func changeLine(c publish.Change) string {
	line := fmt.Sprintf("%-6s %s", c.Action, c.Filename+c.Project)
	switch c.Action {
	case publish.Add, publish.Retire, publish.Remove, publish.Expire:
		return line + "  " + size(c.Size)
	}
	return strings.TrimRight(line+"  "+c.Detail, " ")
}
