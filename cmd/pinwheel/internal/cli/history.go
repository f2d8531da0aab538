package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// historyFlags are those of show --history.
type historyFlags struct {
	wanted bool
	policy string
}

func (f *historyFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.wanted, "history", false, "with --index: tell who moved what, when, why, from what to what")
	cmd.Flags().StringVar(&f.policy, "policy", "", "with --history: `file` that says whose signatures count; without it they are not looked at")
	cmd.Example += "\n  pinwheel show --history --policy policy.yaml --index tools/3.4/cpu-ubi9 registry.example/tools/wheels-3.4"
}

// check refuses combinations that mean nothing. index is what --index says.
func (f *historyFlags) check(name string) error {
	switch {
	case f.wanted && name == "":
		return option.Usage(errors.New("--history is of one index: give --index PRODUCT/SERIES/VARIANT"))
	case !f.wanted && f.policy != "":
		return option.Usage(errors.New("--policy is for --history; 'pinwheel verify' verifies revisions"))
	}
	return nil
}

func (p *program) showHistory(ctx context.Context, s registry.Store, name index.Name, f *historyFlags) error {
	o := publish.HistoryOptions{Name: name, Now: p.now()}
	if f.policy != "" {
		pol, err := option.LoadPolicy(f.policy)
		if err != nil {
			return err
		}
		rules, err := chooseRules(pol, name.String())
		if err != nil {
			return err
		}
		o.Rules = rules[0]
	}
	h, err := publish.ReadHistory(ctx, s, o)
	if err != nil {
		return err
	}
	if len(h.Events) == 0 && len(h.Problems) == 0 {
		return fmt.Errorf("%s was never promoted here: %w", name, errdef.ErrNotFound)
	}
	if !h.Verified {
		p.note("not verified: anybody who can write to the place can have written this; give --policy FILE")
	}
	for _, problem := range h.Problems {
		p.note("warning: %s", problem)
	}
	err = p.answer(h, func(w io.Writer) error {
		for i := range h.Events {
			printEvent(w, &h.Events[i], h.Verified)
		}
		if len(h.Events) == 0 {
			p.note("no promotion of %s here", name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, e := range h.Events {
		if e.Effect == publish.Live && e.Refused != "" {
			return policy.Refuse(2, policy.HeadSignature, "promotion %d is what the head says now, and the policy does not count it", e.Sequence)
		}
	}
	return nil
}

func printEvent(w io.Writer, e *publish.Event, verified bool) {
	what := map[publish.Effect]string{publish.Live: "  live", publish.Void: "  never in effect"}[e.Effect]
	fmt.Fprintf(w, "%d  %s%s\n", e.Sequence, stamp(e.Issued), what)
	if e.From != nil {
		fmt.Fprintf(w, "  from    %d %s\n", e.From.Serial, e.From.Revision)
	}
	fmt.Fprintf(w, "  to      %d %s\n", e.To.Serial, e.To.Revision)
	if e.Head == "" {
		fmt.Fprintln(w, "  known   from later heads only: its own is not kept, so not by whom and why")
		return
	}
	fmt.Fprintf(w, "  by      %s\n", e.By)
	if e.Reason != "" {
		fmt.Fprintf(w, "  reason  %s\n", e.Reason)
	}
	for _, x := range e.Withdrawn {
		fmt.Fprintf(w, "  withdrew %s: %s\n", x.Filename, x.Reason)
	}
	switch {
	case e.Refused != "":
		fmt.Fprintf(w, "  refused %s\n", e.Refused)
	case verified:
		fmt.Fprintf(w, "  signed  by %v\n", e.SignedBy)
	}
	for _, d := range e.Doubts {
		fmt.Fprintf(w, "  doubt   %s\n", d)
	}
}
