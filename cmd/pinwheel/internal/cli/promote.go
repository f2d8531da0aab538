package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

type promoteFlags struct {
	writeFlags
	revision  string
	by        string
	reason    string
	expires   time.Duration
	identity  string
	promoters []string
	release   releaseFlags
	rollback  rollbackFlags
}

func (p *program) promoteCommand() *cobra.Command {
	var f promoteFlags
	cmd := &cobra.Command{
		Use:   "promote",
		Short: "Make a revision live: what users follow",
		Long: `Promote writes the signed statement of what is live (the head) and moves the
live tag to the candidate, or to the revision that is given. All users move
at once, or nobody does.`,
		Example: `  pinwheel promote --to registry.example/tools/wheels-3.4 --index tools/3.4/cpu-ubi9 --key promote.key --reason "numpy 2.2.6"
  pinwheel promote --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key promote.key --revision sha256:… --dry-run`,
		Args: option.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case f.release.series != "":
				return p.promoteRelease(cmd.Context(), &f)
			case f.rollback.to != "":
				return p.rollback(cmd.Context(), &f)
			default:
				return p.promote(cmd.Context(), &f)
			}
		},
	}
	f.add(cmd, p, true)
	cmd.Flags().StringVar(&f.revision, "revision", "", "`digest` to promote (default: the candidate)")
	cmd.Flags().StringArrayVar(&f.promoters, "trust-promote", nil, "public key `file` that may have signed the present head, besides the signing keys")
	cmd.Flags().StringVar(&f.by, "by", whoami(), "`name` of who promotes, for the history")
	cmd.Flags().StringVar(&f.reason, "reason", "", "`text` that says why, for the history")
	cmd.Flags().DurationVar(&f.expires, "expires", publish.DefaultExpiry, "`time` for which the head is fresh unless refreshed")
	cmd.Flags().StringVar(&f.identity, "identity", "", "`HOST/REPO` that cosign signatures name (default: the destination, none for a layout)")
	f.release.add(cmd)
	f.rollback.add(cmd)
	return cmd
}

func (p *program) promote(ctx context.Context, f *promoteFlags) error {
	name, err := f.parse()
	if err != nil {
		return err
	}
	if f.revision != "" && artifact.CheckDigest(digest.Digest(f.revision)) != nil {
		return option.Usage(fmt.Errorf("--revision %q: want sha256:<64 hexadecimal digits>", f.revision))
	}
	s, ref, err := p.store.Open(ctx, f.to, p.asWriter)
	if err != nil {
		return err
	}
	if f.identity == "" && ref.Kind == registry.KindRemote {
		f.identity = ref.Base()
	}
	plan, err := p.promotePlan(ctx, f, name, s)
	if errors.Is(err, publish.ErrAlreadyLive) {
		p.note("%v", err)
		return p.answerPromote(plan, false)
	}
	if err != nil {
		return err
	}
	if !f.dryRun {
		if plan, err = p.applyPromotion(ctx, f, name, s, plan); err != nil {
			return err
		}
	}
	p.dry(!f.dryRun)
	return p.answerPromote(plan, !f.dryRun)
}

// applyPromotion makes the revision live. Where another promotion took the number
// all the same, it is planned again under the next, unless a saved plan says
// exactly what to write.
func (p *program) applyPromotion(ctx context.Context, f *promoteFlags, name index.Name, s registry.Store, plan *publish.Promotion) (*publish.Promotion, error) {
	for attempt := 1; ; attempt++ {
		var err error
		if plan.Lease, err = p.lease(&f.writeFlags); err != nil {
			return nil, err
		}
		err = plan.Apply(ctx, s)
		if err == nil || f.plan != "" || attempt == maxAttempts || !plan.SequenceTaken(err) {
			return plan, err
		}
		p.note("%v", err)
		p.note("promoting again under the next number")
		again := *f
		again.revision = string(plan.Revision.Digest)
		if plan, err = p.promotePlan(ctx, &again, name, s); err != nil {
			return nil, err
		}
	}
}

// maxAttempts is how often a promotion is tried whose number is taken.
const maxAttempts = 3

func (p *program) promotePlan(ctx context.Context, f *promoteFlags, name index.Name, s registry.Store) (*publish.Promotion, error) {
	saved, err := savedPlan(p, &f.writeFlags, publish.DecodePromotion, func(plan *publish.Promotion) string { return plan.Name })
	if err != nil || saved != nil {
		return saved, err
	}
	o, err := p.promoteOptions(ctx, f)
	if err != nil {
		return nil, err
	}
	o.Name, o.Revision = name, digest.Digest(f.revision)
	plan, err := publish.NewPromotion(ctx, s, o)
	if err != nil {
		return plan, err
	}
	return plan, savePlan(f.plan, plan)
}

// promoteOptions are those that do not say what is promoted.
func (p *program) promoteOptions(ctx context.Context, f *promoteFlags) (publish.PromoteOptions, error) {
	o := publish.PromoteOptions{CheckReport: checkReport, By: f.by, Reason: f.reason, Expiry: f.expires, Repository: f.identity, Writer: f.lease.name(), Now: p.now()}
	var err error
	if o.Signers, err = p.loadSigners(ctx, f.keys, f.passwordFile); err != nil {
		return o, err
	}
	if o.Trusted, err = f.trusted(); err != nil {
		return o, err
	}
	o.Promoters, err = loadPublicKeys(f.promoters)
	return o, err
}

type promoteAnswer struct {
	Index    string `json:"index"`
	Serial   uint64 `json:"serial"`
	Revision string `json:"revision"`
	Sequence uint64 `json:"sequence"`
	From     string `json:"from,omitempty"`
	Head     string `json:"head,omitempty"`
	Tag      string `json:"tag"`
	Written  bool   `json:"written"`
}

func (p *program) answerPromote(plan *publish.Promotion, written bool) error {
	a, err := newPromoteAnswer(plan, written)
	if err != nil {
		return err
	}
	return p.answer(a, a.text)
}

func newPromoteAnswer(plan *publish.Promotion, written bool) (promoteAnswer, error) {
	name, err := index.ParseName(plan.Name)
	a := promoteAnswer{
		Index: plan.Name, Serial: plan.Serial, Revision: string(plan.Revision.Digest), Sequence: plan.Sequence,
		From: string(plan.Live), Head: string(plan.Head.Manifest.Digest), Tag: name.LiveTag(), Written: written,
	}
	if a.Revision == "" {
		a.Revision = a.From
	}
	return a, err
}

func (a promoteAnswer) text(w io.Writer) error {
	if a.From != "" && a.From != a.Revision {
		fmt.Fprintf(w, "from     %s\n", a.From)
	}
	fmt.Fprintf(w, "live     %d %s\n", a.Serial, a.Revision)
	if a.Head != "" {
		fmt.Fprintf(w, "head     %d %s\n", a.Sequence, a.Head)
	}
	return nil
}
