package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

type pruneFlags struct {
	to        string
	name      string
	olderThan days
	keepLast  int
	keep      []string
	keepHeads bool
	stages    bool
	policy    string
	grace     days
	yes       bool
	lease     leaseFlags
}

func (p *program) pruneCommand() *cobra.Command {
	f := pruneFlags{olderThan: days(90 * 24 * time.Hour), grace: days(24 * time.Hour)}
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove old revisions that nobody needs any more",
		Long: `Prune removes the tags of old revisions of one index, of their cosign
signatures, and of the heads of their promotions. Without --yes it only prints
what it would free.

It always keeps what is live and was live just before, the candidate and what
is newer, what the release names, and what a kept revision needs for the files
that it retired. It also keeps what was issued or live within --older-than, the
newest --keep-last revisions, those named by --keep, and the pins of --policy.
What a writer uploaded and did not publish stays, unless --stages is given or a
kept revision has it.

A registry frees the space when it next collects garbage. In a layout, content
that no tag leads to is removed at once, but not what was written or used within
--grace: it must be longer than any publication takes.`,
		Example: `  pinwheel prune --to registry.example/tools/wheels-3.4 --index tools/3.4/cpu-ubi9
  pinwheel prune --to registry.example/tools/wheels-3.4 --index tools/3.4/cpu-ubi9 --older-than 180d --keep 17 --yes
  pinwheel prune --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --keep-last 10 --yes`,
		Args: option.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.prune(cmd.Context(), &f) },
	}
	p.store.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&f.to, "to", os.Getenv("PINWHEEL_TO"), "`place` to prune: a repository (HOST/REPO) or a layout (oci-layout:DIR); default $PINWHEEL_TO")
	cmd.Flags().StringVar(&f.name, "index", os.Getenv("PINWHEEL_INDEX"), "`name` of the index, PRODUCT/SERIES/VARIANT; default $PINWHEEL_INDEX")
	cmd.Flags().Var(&f.olderThan, "older-than", "keep what was issued or live within this `time`")
	cmd.Flags().IntVar(&f.keepLast, "keep-last", 3, "keep this `number` of the newest revisions")
	cmd.Flags().StringArrayVar(&f.keep, "keep", nil, "keep the revision with this `serial` or digest (repeat)")
	cmd.Flags().BoolVar(&f.keepHeads, "keep-heads", false, "keep the heads of all promotions: the whole history, by whom and why")
	cmd.Flags().BoolVar(&f.stages, "stages", false, "remove what writers uploaded in vain and may want to go on with, too")
	cmd.Flags().StringVar(&f.policy, "policy", "", "policy `file` whose pins are kept")
	cmd.Flags().Var(&f.grace, "grace", "in a layout, spare content that was written or used within this `time`")
	f.lease.add(cmd)
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do it; otherwise only print what would be freed")
	return cmd
}

func (f *pruneFlags) options(now time.Time) (publish.PruneOptions, error) {
	o := publish.PruneOptions{OlderThan: time.Duration(f.olderThan), KeepLast: f.keepLast, KeepHeads: f.keepHeads, Stages: f.stages, Now: now}
	place := writeFlags{to: f.to, name: f.name}
	var err error
	if o.Name, err = place.parse(); err != nil {
		return o, err
	}
	if f.keepLast < 0 {
		return o, option.Usage(fmt.Errorf("--keep-last %d: want 0 or more", f.keepLast))
	}
	for _, k := range f.keep {
		if d := digest.Digest(k); artifact.CheckDigest(d) == nil {
			o.Revisions = append(o.Revisions, d)
		} else if n, err := strconv.ParseUint(k, 10, 64); err == nil {
			o.Serials = append(o.Serials, n)
		} else {
			return o, option.Usage(fmt.Errorf("--keep %q: want a serial such as 17, or sha256:<64 hexadecimal digits>", k))
		}
	}
	if f.policy == "" {
		return o, nil
	}
	pol, err := option.LoadPolicy(f.policy)
	if err != nil {
		return o, err
	}
	rules, err := chooseRules(pol, f.name)
	if err != nil {
		return o, err
	}
	o.Pins = rules[0].Pins
	return o, nil
}

type pruneAnswer struct {
	*publish.PrunePlan
	Written bool `json:"written"`
	// Collected is what was or would be removed from a layout; nil for a
	// registry, which collects by itself.
	Collected *registry.Collected `json:"collected,omitempty"`
}

func (p *program) prune(ctx context.Context, f *pruneFlags) error {
	o, err := f.options(p.now())
	if err != nil {
		return err
	}
	s, _, err := p.store.Open(ctx, f.to, p.asWriter)
	if err != nil {
		return err
	}
	plan, err := publish.NewPrune(ctx, s, o)
	if err != nil {
		return err
	}
	for _, problem := range plan.Problems {
		p.note("left alone: %s", problem)
	}
	if f.yes {
		if plan.Lease, err = p.lease(&writeFlags{to: f.to, lease: f.lease}); err != nil {
			return err
		}
		if err := plan.Apply(ctx, s); err != nil {
			return err
		}
	}
	a := pruneAnswer{PrunePlan: plan, Written: f.yes}
	if a.Collected, err = collect(ctx, s, registry.CollectOptions{
		Before: o.Now.Add(-time.Duration(f.grace)), DryRun: !f.yes, Without: plan.Tags(),
	}); err != nil {
		return err
	}
	return p.answer(a, func(w io.Writer) error { return a.print(w, o.Name) })
}

// collect removes the garbage of a store that does not do it itself.
func collect(ctx context.Context, s registry.Store, o registry.CollectOptions) (*registry.Collected, error) {
	if below, ok := s.(interface{ Unwrap() registry.Store }); ok {
		s = below.Unwrap()
	}
	c, ok := s.(registry.Collector)
	if !ok {
		return nil, nil
	}
	done, err := c.Collect(ctx, o)
	if err != nil {
		return nil, err
	}
	return &done, nil
}

func (a *pruneAnswer) print(w io.Writer, name index.Name) error {
	for _, k := range a.Keep {
		fmt.Fprintf(w, "keep   %d %s  %s\n", k.Serial, k.Revision, k.Why)
	}
	for _, r := range a.Remove {
		until := ""
		if r.Until != nil {
			until = ", live until " + stamp(*r.Until)
		}
		fmt.Fprintf(w, "remove %d %s  issued %s%s\n", r.Serial, r.Revision, stamp(r.Issued), until)
	}
	for _, tag := range append(append([]string{}, a.Heads...), a.Stages...) {
		fmt.Fprintf(w, "remove tag %s\n", tag)
	}
	for _, tag := range a.KeptStages {
		fmt.Fprintf(w, "keep   tag %s  uploads that no revision has; --stages removes them when their writer has ended\n", tag)
	}
	will := "would remove"
	if a.Written {
		will = "removed"
	}
	fmt.Fprintf(w, "%s %d revisions of %s with %d tags; %d files, %s, are in no other revision of it\n", will, len(a.Remove), name, len(a.Tags()), a.Files, size(a.Bytes))
	if c := a.Collected; c != nil {
		fmt.Fprintf(w, "%s %d blobs and %d unfinished files from the layout, %s\n", will, c.Blobs, c.Temps, size(c.Bytes))
	} else if a.Written && len(a.Tags()) > 0 {
		fmt.Fprintln(w, "the registry frees the space when it collects garbage")
	}
	if !a.Written {
		fmt.Fprintln(w, "nothing was removed: give --yes to do it")
	}
	return nil
}
