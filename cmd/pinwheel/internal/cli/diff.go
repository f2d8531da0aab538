package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/pkg/review"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

func (p *program) diffCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "diff REPOSITORY --index NAME | diff REFERENCE REFERENCE",
		Short: "Show what differs between two revisions",
		Long: `Diff compares two revisions, given by tag or digest. With --index it compares
what is live with the candidate: what a promotion would change. It shows
projects and versions, dependencies, traits of the binaries, the target, files,
and what the gates say of the second revision.`,
		Example: `  pinwheel diff --index tools/3.4/cpu-ubi9 registry.example/tools/wheels-3.4
  pinwheel diff --format markdown --index tools/3.4/cpu-ubi9 registry.example/tools/wheels-3.4
  pinwheel diff oci-layout:/srv/wheels:rev.3.4-cpu-ubi9.1 oci-layout:/srv/wheels:rev.3.4-cpu-ubi9.2`,
		Annotations: map[string]string{moreFormats: formatMarkdown},
		RunE: func(cmd *cobra.Command, args []string) error {
			before, after, err := p.diffSides(cmd.Context(), name, args)
			if err != nil {
				return err
			}
			return p.diff(cmd.Context(), before, after)
		},
	}
	p.store.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&name, "index", "", "`name` of the index whose live revision and candidate are compared")
	return cmd
}

const formatMarkdown = "markdown"

// revisionAt is a revision and where it lies.
type revisionAt struct {
	*verify.Loaded
	store registry.Store
}

// reviewed is a review as JSON.
type reviewed struct {
	FromRevision string `json:"from-revision,omitempty"`
	ToRevision   string `json:"to-revision"`
	review.Review
	// Gates is the report on the second revision.
	Gates *gate.Report `json:"gates,omitempty"`
}

func (p *program) diff(ctx context.Context, before, after revisionAt) error {
	from, err := before.side(ctx)
	if err != nil {
		return err
	}
	to, err := after.side(ctx)
	if err != nil {
		return err
	}
	a := reviewed{ToRevision: string(after.Digest), Review: review.Compare(from, to)}
	if before.Loaded != nil {
		a.FromRevision = string(before.Digest)
	}
	if a.Gates, err = after.report(ctx); err != nil {
		return err
	}
	if p.format == formatMarkdown {
		if err := a.Markdown(p.out); err != nil || a.Gates == nil {
			return err
		}
		fmt.Fprintln(p.out)
		return a.Gates.Markdown(p.out)
	}
	return p.answer(a, func(w io.Writer) error {
		if err := a.Text(w); err != nil {
			return err
		}
		if a.Gates == nil {
			fmt.Fprintln(w, "gates    none: the revision is ungated")
			return nil
		}
		return a.Gates.Brief(w)
	})
}

// side is the revision with the facts that it carries. Where nothing is live,
// everything is new.
func (r revisionAt) side(ctx context.Context) (review.Side, error) {
	if r.Loaded == nil {
		return review.Side{Catalog: &index.Catalog{}}, nil
	}
	side := review.Side{Catalog: r.Catalog}
	if len(r.Catalog.Facts) == 0 {
		return side, nil
	}
	book, err := facts.Load(ctx, r.store, r.Catalog.Facts[0])
	if err != nil {
		return side, err
	}
	side.Facts = book.Wheel
	return side, nil
}

// report is what the gates said of the revision, nil if it is ungated.
func (r revisionAt) report(ctx context.Context) (*gate.Report, error) {
	g := r.Catalog.Gates
	if g == nil || g.Report == nil {
		return nil, nil
	}
	data, err := fetchReport(ctx, r.store, *g.Report)
	if err != nil {
		return nil, err
	}
	return gate.DecodeReport(data)
}

func fetchReport(ctx context.Context, s registry.Store, b artifact.Blob) ([]byte, error) {
	if b.Size > gate.MaxReport {
		return nil, fmt.Errorf("report %s: %d bytes, the limit is %d", b.Digest, b.Size, gate.MaxReport)
	}
	data, err := content.FetchAll(ctx, s, ocispec.Descriptor{MediaType: artifact.MediaTypeReport, Digest: b.Digest, Size: b.Size})
	if err != nil {
		return nil, fmt.Errorf("report %s: %w", b.Digest, err)
	}
	return data, nil
}

func (p *program) diffSides(ctx context.Context, name string, args []string) (before, after revisionAt, err error) {
	if name == "" {
		if len(args) != 2 {
			return before, after, option.Usage(errors.New("diff wants two REFERENCEs with tag or digest, or one REPOSITORY and --index NAME"))
		}
		if before, err = p.loadRevision(ctx, args[0]); err == nil {
			after, err = p.loadRevision(ctx, args[1])
		}
		return before, after, err
	}
	n, err := index.ParseName(name)
	if err != nil || len(args) != 1 {
		return before, after, option.Usage(errors.Join(err, errors.New("diff --index wants one REPOSITORY")))
	}
	s, ref, err := p.store.Open(ctx, args[0], nil)
	if err != nil {
		return before, after, err
	}
	if err := p.warnSplit(ctx, s, n); err != nil {
		return before, after, err
	}
	if before, err = loadTagged(ctx, s, ref.WithTag(n.LiveTag())); err != nil && !isMissing(err) {
		return before, after, fmt.Errorf("the live revision of %s: %w", n, err)
	}
	if before.Loaded == nil {
		p.note("nothing is live: all of the candidate is new")
	}
	if after, err = loadTagged(ctx, s, ref.WithTag(n.CandidateTag())); err != nil {
		return before, after, fmt.Errorf("the candidate of %s (is one published?): %w", n, err)
	}
	return before, after, nil
}

// isMissing is true if the tag does not exist, not if something behind it does
// not.
func isMissing(err error) bool {
	var refusal *policy.Refusal
	return errors.As(err, &refusal) && refusal.Code == policy.RevisionMissing && refusal.Step == 1
}

func (p *program) loadRevision(ctx context.Context, reference string) (revisionAt, error) {
	s, ref, err := p.store.Open(ctx, reference, nil)
	if err != nil {
		return revisionAt{}, err
	}
	if ref.Tag == "" && ref.Digest == "" {
		return revisionAt{}, option.Usage(fmt.Errorf("%s: name a revision by tag or digest", reference))
	}
	return loadTagged(ctx, s, ref)
}

func loadTagged(ctx context.Context, s registry.Store, ref registry.Reference) (revisionAt, error) {
	l, err := load(ctx, s, ref)
	if err != nil {
		return revisionAt{}, err
	}
	return revisionAt{l, s}, nil
}
