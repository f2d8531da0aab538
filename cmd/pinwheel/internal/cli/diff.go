package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

func (p *program) diffCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "diff REPOSITORY --index NAME | diff REFERENCE REFERENCE",
		Short: "Show what differs between two revisions",
		Long: `Diff compares two revisions, given by tag or digest. With --index it compares
what is live with the candidate: what a promotion would change.`,
		Example: `  pinwheel diff --index tools/3.4/cpu-ubi9 registry.example/tools/wheels-3.4
  pinwheel diff oci-layout:/srv/wheels:rev.3.4-cpu-ubi9.1 oci-layout:/srv/wheels:rev.3.4-cpu-ubi9.2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			before, after, err := p.diffSides(cmd.Context(), name, args)
			if err != nil {
				return err
			}
			d := index.Compare(before, after)
			return p.answer(d, func(w io.Writer) error { return printDiff(w, d) })
		},
	}
	p.store.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&name, "index", "", "`name` of the index whose live revision and candidate are compared")
	return cmd
}

func (p *program) diffSides(ctx context.Context, name string, args []string) (before, after *index.Catalog, err error) {
	if name == "" {
		if len(args) != 2 {
			return nil, nil, option.Usage(errors.New("diff wants two REFERENCEs with tag or digest, or one REPOSITORY and --index NAME"))
		}
		if before, err = p.loadCatalog(ctx, args[0]); err == nil {
			after, err = p.loadCatalog(ctx, args[1])
		}
		return before, after, err
	}
	n, err := index.ParseName(name)
	if err != nil || len(args) != 1 {
		return nil, nil, option.Usage(errors.Join(err, errors.New("diff --index wants one REPOSITORY")))
	}
	s, ref, err := p.store.Open(ctx, args[0], nil)
	if err != nil {
		return nil, nil, err
	}
	if before, err = loadTagged(ctx, s, ref.WithTag(n.LiveTag())); err != nil {
		return nil, nil, fmt.Errorf("the live revision of %s (is one promoted?): %w", n, err)
	}
	if after, err = loadTagged(ctx, s, ref.WithTag(n.CandidateTag())); err != nil {
		return nil, nil, fmt.Errorf("the candidate of %s (is one published?): %w", n, err)
	}
	return before, after, nil
}

func (p *program) loadCatalog(ctx context.Context, reference string) (*index.Catalog, error) {
	s, ref, err := p.store.Open(ctx, reference, nil)
	if err != nil {
		return nil, err
	}
	if ref.Tag == "" && ref.Digest == "" {
		return nil, option.Usage(fmt.Errorf("%s: name a revision by tag or digest", reference))
	}
	return loadTagged(ctx, s, ref)
}

func loadTagged(ctx context.Context, s registry.Store, ref registry.Reference) (*index.Catalog, error) {
	l, err := load(ctx, s, ref)
	if err != nil {
		return nil, err
	}
	return l.Catalog, nil
}

func printDiff(w io.Writer, d index.Diff) error {
	fmt.Fprintf(w, "from revision %d to %d\n", d.From, d.To)
	for _, f := range d.Files {
		fmt.Fprintf(w, "%s %s\n", map[string]string{"added": "+", "removed": "-", "changed": "~"}[f.Change], joinNonEmpty(f.Filename, f.Detail))
	}
	if d.Target {
		fmt.Fprintln(w, "~ target")
	}
	if len(d.Files) == 0 && !d.Target {
		fmt.Fprintln(w, "same files")
	}
	return nil
}
