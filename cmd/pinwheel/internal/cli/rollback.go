package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// rollbackFlags make a promotion one of old contents.
type rollbackFlags struct {
	to          string
	releaseKeys []string
	gates       gateFlags
}

func (f *rollbackFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.to, "rollback-to", "", "publish the contents of an older revision again and promote that: its `serial` or digest")
	cmd.Flags().StringArrayVar(&f.releaseKeys, "release-key", nil, "with --rollback-to: private key `file` that signs the revision (default: the keys of --key)")
	cmd.Flags().StringArrayVar(&f.gates.rules, "rule", nil, "with --rollback-to: own check, as `NAME=PROGRAM`, as for publish (repeat for several)")
	cmd.Flags().StringVar(&f.gates.report, "report", "", "with --rollback-to: write the gates' report to `file`, as for publish")
	cmd.Long += `

--rollback-to goes back: the contents of an older revision become a new one,
which is judged, signed and promoted in one go, without an upload. What was live
stays in the history and its files are retired; what was withdrawn stays
withdrawn.`
	cmd.Example += `
  pinwheel promote --to registry.example/tools/wheels-3.4 --index tools/3.4/cpu-ubi9 --key promote.key --release-key release.key --rollback-to 17 --reason "numpy 2.3 breaks start-up"`
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.to == "" && len(f.releaseKeys)+len(f.gates.rules)+len(f.gates.report) > 0 {
			return option.Usage(errors.New("--release-key, --rule and --report are for --rollback-to"))
		}
		if f.to != "" && (cmd.Flags().Changed("release") || cmd.Flags().Changed("revision")) {
			return option.Usage(errors.New("--rollback-to says what is promoted: leave out --revision and --release"))
		}
		return run(cmd, args)
	}
}

func (p *program) rollback(ctx context.Context, f *promoteFlags) error {
	name, err := f.parse()
	if err != nil {
		return err
	}
	s, ref, err := p.store.Open(ctx, f.to, p.asWriter)
	if err != nil {
		return err
	}
	if f.identity == "" && ref.Kind == registry.KindRemote {
		f.identity = ref.Base()
	}
	plan, err := savedPlan(p, &f.writeFlags, publish.DecodeRollback, func(plan *publish.Rollback) string { return plan.Publish.Name })
	if err != nil {
		return err
	}
	if plan == nil {
		o, err := p.rollbackOptions(ctx, f, name)
		if err != nil {
			return err
		}
		plan, err = publish.NewRollback(ctx, s, o)
		if errors.Is(err, publish.ErrNothingToDo) {
			p.note("%v", err)
			return p.answerRollback(plan, nil, false)
		}
		if errors.Is(err, publish.ErrFailed) {
			return errors.Join(p.failedRollback(f, plan), &gatesError{rollback: true})
		}
		if err != nil {
			return err
		}
		if err := savePlan(f.plan, plan); err != nil {
			return err
		}
	}
	report, err := readReport(plan.Publish.Report())
	if err != nil {
		return err
	}
	if err := f.rollback.gates.saveReport(report); err != nil {
		return err
	}
	if !f.dryRun {
		if plan.Lease, err = p.lease(&f.writeFlags); err != nil {
			return err
		}
		if err := plan.Apply(ctx, s); err != nil {
			return err
		}
	}
	if c := plan.Publish.Candidate; c != "" && c != plan.Publish.Live && c != plan.Publish.Revision.Digest {
		p.note("the candidate %s was never live and is passed over: what it added has to be published again", c)
	}
	p.dry(!f.dryRun)
	return p.answerRollback(plan, report, !f.dryRun)
}

// failedRollback shows what the gates found.
func (p *program) failedRollback(f *promoteFlags, plan *publish.Rollback) error {
	report, err := readReport(plan.Publish.Report())
	if err != nil {
		return err
	}
	return errors.Join(f.rollback.gates.saveReport(report), p.answerPublish(plan.Publish, report, false))
}

func (p *program) rollbackOptions(ctx context.Context, f *promoteFlags, name index.Name) (publish.RollbackOptions, error) {
	o := publish.RollbackOptions{To: f.rollback.to}
	var err error
	if o.Promote, err = p.promoteOptions(ctx, f); err != nil {
		return o, err
	}
	revision := revisionFlags{writeFlags: f.writeFlags, gateFlags: f.rollback.gates}
	if len(f.rollback.releaseKeys) > 0 {
		revision.keys = f.rollback.releaseKeys
	}
	o.Publish, err = p.revisionOptions(ctx, &revision, name, func(*publish.Options) error { return nil })
	return o, err
}

type rollbackAnswer struct {
	promoteAnswer
	Changes []publish.Change `json:"changes"`
	Gates   *gate.Report     `json:"gates,omitempty"`
}

func (p *program) answerRollback(plan *publish.Rollback, report *gate.Report, written bool) error {
	if plan.Promote == nil {
		// These contents are live.
		same := plan.Publish
		plan.Promote = &publish.Promotion{Name: same.Name, Serial: same.Serial, Live: same.Revision.Digest}
	}
	a, err := newPromoteAnswer(plan.Promote, written)
	if err != nil {
		return err
	}
	changes := append([]publish.Change{}, plan.Publish.Changes...)
	return p.answer(rollbackAnswer{a, changes, report}, func(w io.Writer) error {
		for _, c := range changes {
			fmt.Fprintln(w, changeLine(c))
		}
		if report != nil {
			if err := report.Brief(w); err != nil {
				return err
			}
		}
		return a.text(w)
	})
}
