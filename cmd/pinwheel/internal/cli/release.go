package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// releaseFlags are those of promote --release.
type releaseFlags struct {
	series   string
	variants []string
	drop     []string
}

func (f *releaseFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.series, "release", "", "promote every variant of this `series` that has a candidate, and sign the release of them all")
	cmd.Flags().StringArrayVar(&f.variants, "variant", nil, "with --release: promote only this `variant` (repeat); others stay as the last release has them")
	cmd.Flags().StringArrayVar(&f.drop, "drop", nil, "with --release: leave out this `variant` of the last release (repeat)")
	cmd.Example += `
  pinwheel promote --to registry.example/tools/wheels-3.4 --release 3.4 --key promote.key --trust release.pub --plan release.json --reason "3.4 for October"`
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.series == "" && len(f.variants)+len(f.drop) > 0 {
			return option.Usage(errors.New("--variant and --drop are for --release SERIES"))
		}
		if f.series != "" && (cmd.Flags().Changed("index") || cmd.Flags().Changed("revision")) {
			return option.Usage(errors.New("--release finds indexes and revisions itself: leave out --index and --revision"))
		}
		return run(cmd, args)
	}
}

func (p *program) promoteRelease(ctx context.Context, f *promoteFlags) error {
	if err := index.CheckSeries(f.release.series); err != nil {
		return option.Usage(fmt.Errorf("--release: %w", err))
	}
	if err := f.checkTo(); err != nil {
		return err
	}
	s, ref, err := p.store.Open(ctx, f.to, p.asWriter)
	if err != nil {
		return err
	}
	if f.identity == "" && ref.Kind == registry.KindRemote {
		f.identity = ref.Base()
	}
	plan, err := p.releasePlan(ctx, f, s)
	if errors.Is(err, publish.ErrAlreadyReleased) {
		p.note("%v", err)
		return p.answerRelease(ctx, s, plan, false)
	}
	if err != nil {
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
	p.dry(!f.dryRun)
	return p.answerRelease(ctx, s, plan, !f.dryRun)
}

func (p *program) releasePlan(ctx context.Context, f *promoteFlags, s registry.Store) (*publish.ReleasePlan, error) {
	wanted := f.writeFlags
	wanted.name = f.release.series
	saved, err := savedPlan(p, &wanted, publish.DecodeRelease, func(plan *publish.ReleasePlan) string { return plan.Series })
	if err != nil || saved != nil {
		return saved, err
	}
	o, err := p.promoteOptions(ctx, f)
	if err != nil {
		return nil, err
	}
	plan, err := publish.NewRelease(ctx, s, publish.ReleaseOptions{Series: f.release.series, Variants: f.release.variants, Drop: f.release.drop, Promote: o})
	if err != nil {
		return plan, err
	}
	return plan, savePlan(f.plan, plan)
}

type releaseAnswer struct {
	Product  string            `json:"product"`
	Series   string            `json:"series"`
	Sequence uint64            `json:"sequence"`
	Release  string            `json:"release"`
	From     string            `json:"from,omitempty"`
	Tag      string            `json:"tag"`
	Written  bool              `json:"written"`
	Variants []releasedVariant `json:"variants"`
}

type releasedVariant struct {
	Variant  string `json:"variant"`
	Serial   uint64 `json:"serial"`
	Revision string `json:"revision"`
	Sequence uint64 `json:"sequence"`
	From     string `json:"from,omitempty"`
	// Promoted by this release; otherwise it was live before, or stays as the
	// last release has it.
	Promoted bool `json:"promoted"`
}

func (p *program) answerRelease(ctx context.Context, s registry.Store, plan *publish.ReleasePlan, written bool) error {
	a := releaseAnswer{
		Product: plan.Product, Series: plan.Series, Sequence: plan.Sequence, Release: string(plan.Manifest.Digest), From: string(plan.At),
		Tag: index.ReleaseTag(plan.Series), Written: written, Variants: []releasedVariant{},
	}
	var r *index.Release
	var err error
	if a.Release == "" { // there was nothing to do
		var at digest.Digest
		r, at, err = publish.ReadRelease(ctx, s, plan.Series)
		a.Release, a.From = string(at), ""
	} else {
		r, err = plan.Release()
	}
	if err != nil {
		return err
	}
	from := map[string]*publish.Promotion{}
	for _, v := range plan.Promotions {
		from[v.Name] = v
	}
	for _, variant := range slices.Sorted(maps.Keys(r.Variants)) {
		x := r.Variants[variant]
		v := releasedVariant{Variant: variant, Serial: x.Serial, Revision: string(x.Revision), Sequence: x.HeadSequence}
		if promotion := from[(index.Name{Product: r.Product, Series: r.Series, Variant: variant}).String()]; promotion != nil {
			v.Promoted, v.From = true, string(promotion.Live)
		}
		a.Variants = append(a.Variants, v)
	}
	return p.answer(a, func(w io.Writer) error {
		for _, v := range a.Variants {
			fmt.Fprintf(w, "%-7s %s  %d %s\n", map[bool]string{true: "promote", false: "as is"}[v.Promoted], v.Variant, v.Serial, v.Revision)
		}
		fmt.Fprintf(w, "release %s  %d %s\n", a.Series, a.Sequence, a.Release)
		return nil
	})
}

// shownRelease is what show tells about the release of a series.
type shownRelease struct {
	name   string // product/series
	number uint64
	digest digest.Digest
	issued string
	// ahead are variants that are live in a newer revision than the release
	// names, waiting those with a candidate that is not live. Both at once is
	// what a release that stopped half-way leaves.
	ahead, waiting []string
}

// shownReleased is the part of a release that one index has.
type shownReleased struct {
	Serial   uint64 `json:"serial"`
	Revision string `json:"revision"`
	// Release is the number of the release.
	Release uint64 `json:"release"`
}

// addReleases reads the releases of the series that are in the list and enters
// them there.
func addReleases(ctx context.Context, s registry.Store, list []*shownIndex) ([]shownRelease, error) {
	bySeries := map[string][]*shownIndex{}
	for _, x := range list {
		bySeries[x.name.Series] = append(bySeries[x.name.Series], x)
	}
	var releases []shownRelease
	for _, series := range slices.Sorted(maps.Keys(bySeries)) {
		r, at, err := publish.ReadRelease(ctx, s, series)
		if errors.Is(err, errdef.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		shown := shownRelease{name: r.Product + "/" + series, number: r.Sequence, digest: at, issued: stamp(r.Issued)}
		for _, x := range bySeries[series] {
			shown.enter(x, r)
		}
		releases = append(releases, shown)
	}
	return releases, nil
}

func (shown *shownRelease) enter(x *shownIndex, r *index.Release) {
	entry, ok := r.Variants[x.name.Variant]
	if x.name.Product != r.Product {
		return
	}
	if ok {
		x.Released = &shownReleased{Serial: entry.Serial, Revision: string(entry.Revision), Release: r.Sequence}
	}
	if ok && x.Live != nil && x.Live.Revision != string(entry.Revision) {
		shown.ahead = append(shown.ahead, x.name.Variant)
	}
	// A variant that is live and not in the release was left out of it.
	if x.Candidate != nil && (x.Live == nil || ok && x.Live.Revision != x.Candidate.Revision) {
		shown.waiting = append(shown.waiting, x.name.Variant)
	}
}

func (x *shownReleased) print(w io.Writer, live *shownPoint) {
	if x != nil && (live == nil || live.Revision != x.Revision) {
		fmt.Fprintf(w, "  %-9s %d %s\n", "released", x.Serial, x.Revision)
	}
}

func (shown shownRelease) print(w io.Writer) {
	fmt.Fprintf(w, "release %s\n  number    %d %s  %s\n", shown.name, shown.number, shown.digest, shown.issued)
	for _, v := range shown.ahead {
		fmt.Fprintf(w, "  newer     %s: what is live is not what the release names\n", v)
	}
	for _, v := range shown.waiting {
		fmt.Fprintf(w, "  waiting   %s: the candidate is not live\n", v)
	}
	if len(shown.ahead) > 0 && len(shown.waiting) > 0 {
		fmt.Fprintln(w, "  half-way: some variants have moved and some wait; 'pinwheel promote --release' goes on where it stopped")
	}
}
