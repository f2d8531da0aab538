package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

type verifyFlags struct {
	policy    string
	name      string
	candidate bool
	revision  string
	deep      bool
}

func (p *program) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify REPOSITORY|oci-layout:DIR",
		Short: "Verify an index as the shim does, under a policy",
		Long: `Verify runs the verification algorithm (docs/verification.md) on what is live,
on the candidate or on one revision, and says who signed what. It keeps no
state, so it cannot notice that it was shown something newer before. With
--deep it also opens every artifact and every wheel.`,
		Example: `  pinwheel verify --policy policy.yaml registry.example/tools/wheels-3.4
  pinwheel verify --policy policy.yaml --index tools/3.4/cpu-ubi9 --deep oci-layout:/media/wheels`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error { return p.verify(cmd.Context(), &f, args[0]) },
	}
	p.store.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&f.policy, "policy", "", "policy `file` (docs/policy.md)")
	cmd.Flags().StringVar(&f.name, "index", "", "`name` of the index (default: every index of the policy)")
	cmd.Flags().BoolVar(&f.candidate, "candidate", false, "verify the candidate instead of what is live")
	cmd.Flags().StringVar(&f.revision, "revision", "", "verify the revision with this `digest`")
	cmd.Flags().BoolVar(&f.deep, "deep", false, "also open every artifact and every wheel")
	return cmd
}

func oneReference(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return option.Usage(errors.New("want one REPOSITORY (HOST/REPO) or oci-layout:DIR"))
	}
	return nil
}

type verified struct {
	Index     string   `json:"index"`
	Revision  string   `json:"revision"`
	Serial    uint64   `json:"serial"`
	Files     int      `json:"files"`
	Sequence  uint64   `json:"sequence,omitempty"`
	SignedBy  []string `json:"signed-by"`
	PromoteBy []string `json:"promoted-by,omitempty"`
	FreshTill string   `json:"fresh-until,omitempty"`
	Deep      int      `json:"artifacts-opened,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
}

func (p *program) verify(ctx context.Context, f *verifyFlags, ref string) error {
	if f.policy == "" {
		return option.Usage(errors.New("no policy: give --policy FILE, which says whose signatures count"))
	}
	if f.candidate && f.revision != "" {
		return option.Usage(errors.New("--candidate and --revision exclude each other"))
	}
	pol, err := option.LoadPolicy(f.policy)
	if err != nil {
		return err
	}
	rules, err := chooseRules(pol, f.name)
	if err != nil {
		return err
	}
	if f.revision != "" && artifact.CheckDigest(digest.Digest(f.revision)) != nil {
		return option.Usage(fmt.Errorf("--revision %q: want sha256:<64 hexadecimal digits>", f.revision))
	}
	s, parsed, err := p.store.Open(ctx, ref, nil)
	if err != nil {
		return err
	}
	if parsed.Tag != "" || parsed.Digest != "" {
		return option.Usage(fmt.Errorf("%s: leave out tag and digest: what is live is verified, or --candidate, or --revision DIGEST", ref))
	}
	var list []verified
	for _, x := range rules {
		v := &verify.Verifier{Store: s, Rules: x, Now: p.now}
		r, err := f.run(ctx, v)
		if err != nil {
			return fmt.Errorf("%s: %w", x.Name, err)
		}
		a := summary(r)
		if f.deep {
			if a.Deep, err = v.Deep(ctx, r); err != nil {
				return fmt.Errorf("%s: %w", x.Name, err)
			}
			if err := deepReport(ctx, s, r); err != nil {
				return fmt.Errorf("%s: %w", x.Name, err)
			}
		}
		list = append(list, a)
	}
	return p.answer(list, func(w io.Writer) error { return printVerified(w, list) })
}

// deepReport holds the gates' report against the catalog that names it.
func deepReport(ctx context.Context, s registry.Store, r *verify.Revision) error {
	g := r.Catalog.Gates
	if g == nil {
		return nil
	}
	if g.Report == nil {
		return policy.Refuse(18, policy.GatesNotPassed, "the catalog claims that gates passed, and names no report")
	}
	data, err := fetchReport(ctx, s, *g.Report)
	if err == nil {
		err = checkReport(data, r.Catalog)
	}
	if err != nil {
		return policy.Refuse(18, policy.GatesNotPassed, "the gates' report: %v", err)
	}
	return nil
}

func (f *verifyFlags) run(ctx context.Context, v *verify.Verifier) (*verify.Revision, error) {
	switch {
	case f.revision != "":
		return v.Pinned(ctx, digest.Digest(f.revision), nil)
	case f.candidate:
		return v.Candidate(ctx, nil)
	default:
		return v.Live(ctx, nil)
	}
}

func chooseRules(pol *policy.Policy, name string) ([]*policy.Index, error) {
	if name == "" {
		return pol.Ordered(), nil
	}
	n, err := index.ParseName(name)
	if err != nil {
		return nil, option.Usage(err)
	}
	x := pol.Indexes[n]
	if x == nil {
		return nil, option.Usage(fmt.Errorf("--index %s: the policy has no such index", n))
	}
	return []*policy.Index{x}, nil
}

func summary(r *verify.Revision) verified {
	a := verified{
		Index: r.Catalog.Name().String(), Revision: string(r.Digest), Serial: r.Catalog.Serial,
		SignedBy: keyNames(r.Keys), Warnings: r.Warnings,
	}
	for range r.Catalog.Files {
		a.Files++
	}
	if r.Head != nil {
		a.Sequence, a.PromoteBy, a.FreshTill = r.Head.Promotion.Sequence, keyNames(r.Head.PromotionKeys), stamp(r.Head.Freshness.Expires)
	}
	return a
}

func keyNames(keys []*policy.Key) []string {
	names := []string{}
	for _, k := range keys {
		names = append(names, k.Name)
	}
	return names
}

func printVerified(w io.Writer, list []verified) error {
	for _, a := range list {
		fmt.Fprintf(w, "ok %s\n  revision  %d %s, %d files\n  signed by %v\n", a.Index, a.Serial, a.Revision, a.Files, a.SignedBy)
		if a.Sequence > 0 {
			fmt.Fprintf(w, "  promoted  number %d by %v, fresh until %s\n", a.Sequence, a.PromoteBy, a.FreshTill)
		}
		if a.Deep > 0 {
			fmt.Fprintf(w, "  opened    %d artifacts\n", a.Deep)
		}
		for _, warning := range a.Warnings {
			fmt.Fprintf(w, "  warning   %s\n", warning)
		}
	}
	return nil
}
