package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

type showFlags struct {
	name    string
	gates   bool
	history historyFlags
}

func (p *program) showCommand() *cobra.Command {
	var f showFlags
	cmd := &cobra.Command{
		Use:   "show REFERENCE [PROJECT|FILE]",
		Short: "Show indexes, revisions, projects and files",
		Long: `Show lists the indexes of a repository, the revisions of one index (--index),
the projects of a revision (REFERENCE with a tag or digest), the files of one
project, or one file. Digests are checked; signatures are not: that is what
'pinwheel verify' is for. --gates prints what the gates said of a revision;
--history tells of every promotion whose head is kept; with --policy each
signature on it is checked.`,
		Example: `  pinwheel show registry.example/tools/wheels-3.4
  pinwheel show --index tools/3.4/cpu-ubi9 registry.example/tools/wheels-3.4
  pinwheel show registry.example/tools/wheels-3.4:3.4-cpu-ubi9
  pinwheel show --gates --format markdown registry.example/tools/wheels-3.4:test.3.4-cpu-ubi9
  pinwheel show oci-layout:/srv/wheels:3.4-cpu-ubi9 numpy
  pinwheel show --format json oci-layout:/srv/wheels:3.4-cpu-ubi9 numpy-2.2.6-cp312-cp312-linux_x86_64.whl`,
		Annotations: map[string]string{moreFormats: formatMarkdown},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return option.Usage(errors.New("show wants a REFERENCE and at most one PROJECT or FILE"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return p.show(cmd.Context(), &f, args) },
	}
	p.store.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&f.name, "index", "", "`name` of the index whose revisions are listed")
	cmd.Flags().BoolVar(&f.gates, "gates", false, "print the gates' report on a revision; also as --format markdown")
	f.history.add(cmd)
	return cmd
}

func (p *program) show(ctx context.Context, f *showFlags, args []string) error {
	if err := f.history.check(f.name); err != nil {
		return err
	}
	if p.format == formatMarkdown && !f.gates {
		return option.Usage(errors.New("--format markdown: only for show --gates"))
	}
	s, ref, err := p.store.Open(ctx, args[0], nil)
	if err != nil {
		return err
	}
	if ref.Tag == "" && ref.Digest == "" {
		return p.showRepository(ctx, s, f, len(args) > 1 || f.gates)
	}
	if f.name != "" {
		return option.Usage(errors.New("--index lists the revisions of a repository: leave out tag and digest"))
	}
	l, err := load(ctx, s, ref)
	switch {
	case err != nil:
		return err
	case f.gates:
		return p.showGates(ctx, revisionAt{l, s})
	case len(args) == 1:
		return p.showRevision(l)
	default:
		return p.showPart(l.Catalog, args[1])
	}
}

// showRepository is what there is to say without a tag or digest; part says that
// it is not enough.
func (p *program) showRepository(ctx context.Context, s registry.Store, f *showFlags, part bool) error {
	if part {
		return option.Usage(errors.New("name a revision: REFERENCE:TAG or REFERENCE@sha256:…"))
	}
	if f.name == "" {
		return p.showIndexes(ctx, s)
	}
	n, err := index.ParseName(f.name)
	switch {
	case err != nil:
		return option.Usage(err)
	case f.history.wanted:
		return p.showHistory(ctx, s, n, &f.history)
	default:
		return p.showRevisions(ctx, s, n)
	}
}

func (p *program) showGates(ctx context.Context, r revisionAt) error {
	report, err := r.report(ctx)
	switch {
	case err != nil:
		return err
	case report == nil:
		return option.Input(errors.New("the revision is ungated: it was published without gates"))
	case p.format == formatMarkdown:
		return report.Markdown(p.out)
	default:
		return p.answer(report, report.Text)
	}
}

// load reads the revision that ref names and checks its integrity.
func load(ctx context.Context, s verify.Store, ref registry.Reference) (*verify.Loaded, error) {
	at := ref.Tag
	if ref.Digest != "" {
		at = string(ref.Digest)
	}
	return integrity(s).Load(ctx, at)
}

// integrity is a verifier that knows no keys.
func integrity(s verify.Store) *verify.Verifier {
	return &verify.Verifier{Store: s, Rules: policy.Trusting(index.Name{}, 1)}
}

type shownIndex struct {
	Index     string      `json:"index"`
	Live      *shownPoint `json:"live,omitempty"`
	Candidate *shownPoint `json:"candidate,omitempty"`
	// Released is what the release of the series names; nil without one.
	Released *shownReleased `json:"released,omitempty"`
	name     index.Name
}

type shownPoint struct {
	Serial   uint64 `json:"serial"`
	Revision string `json:"revision"`
	Issued   string `json:"issued"`
	Files    int    `json:"files"`
}

func newPoint(l *verify.Loaded) *shownPoint {
	return &shownPoint{Serial: l.Catalog.Serial, Revision: string(l.Digest), Issued: stamp(l.Catalog.Issued), Files: countFiles(l.Catalog)}
}

func (p *program) showIndexes(ctx context.Context, s registry.Store) error {
	tags, err := allTags(ctx, s)
	if err != nil {
		return err
	}
	byName := map[string]*shownIndex{}
	list := []*shownIndex{}
	for _, tag := range tags {
		if !mayBeIndex(tag) {
			continue
		}
		l, err := integrity(s).Load(ctx, tag)
		if err != nil {
			continue // a foreign image or a release: its names are not ours
		}
		name := l.Catalog.Name()
		x := byName[name.String()]
		if x == nil {
			x = &shownIndex{Index: name.String(), name: name}
			byName[name.String()] = x
			list = append(list, x)
		}
		point := newPoint(l)
		switch tag {
		case name.LiveTag():
			x.Live = point
		case name.CandidateTag():
			x.Candidate = point
		}
	}
	releases, err := addReleases(ctx, s, list)
	if err != nil {
		return err
	}
	for _, x := range list {
		name, err := index.ParseName(x.Index)
		if err == nil {
			err = p.warnSplit(ctx, s, name)
		}
		if err != nil {
			return err
		}
	}
	return p.answer(list, func(w io.Writer) error {
		for _, x := range list {
			fmt.Fprintln(w, x.Index)
			x.Live.print(w, "live")
			x.Candidate.print(w, "candidate")
			x.Released.print(w, x.Live)
		}
		for _, r := range releases {
			r.print(w)
		}
		if len(list) == 0 {
			p.note("no index here")
		}
		return nil
	})
}

// mayBeIndex leaves out the tags that are never live or candidate; what the
// others are is found out from their catalogs.
func mayBeIndex(tag string) bool {
	for _, prefix := range []string{"rev.", "stage.", "sha256-"} {
		if strings.HasPrefix(tag, prefix) {
			return false
		}
	}
	for _, suffix := range []string{".head", ".retired", ".subset"} {
		if strings.HasSuffix(tag, suffix) {
			return false
		}
	}
	return true
}

func (x *shownPoint) print(w io.Writer, what string) {
	if x != nil {
		fmt.Fprintf(w, "  %-9s %d %s  %d files, %s\n", what, x.Serial, x.Revision, x.Files, x.Issued)
	}
}

func countFiles(c *index.Catalog) int {
	n := 0
	for range c.Files {
		n++
	}
	return n
}

type shownRevision struct {
	Revision string         `json:"revision"`
	Catalog  *index.Catalog `json:"catalog"`
}

func (p *program) showRevision(l *verify.Loaded) error {
	c := l.Catalog
	return p.answer(shownRevision{string(l.Digest), c}, func(w io.Writer) error {
		fmt.Fprintf(w, "index     %s\nrevision  %d %s\nissued    %s\nepoch     %d\n", c.Name(), c.Serial, l.Digest, stamp(c.Issued), c.Epoch)
		if c.Previous != "" {
			fmt.Fprintf(w, "previous  %s\n", c.Previous)
		}
		if c.Gates != nil {
			fmt.Fprintf(w, "gates     %s\n", c.Gates.Result)
		}
		fmt.Fprintf(w, "files     %d in %d projects, %d retired, %d withdrawn\n", countFiles(c), len(c.Projects), len(c.Retired), len(c.Withdrawn))
		for i := range c.Projects {
			x := &c.Projects[i]
			fmt.Fprintf(w, "  %-30s %s\n", x.Name, strings.Join(versions(x), " "))
		}
		return nil
	})
}

// versions of a project in the order of its files, each once.
func versions(p *index.Project) []string {
	var list []string
	seen := map[string]bool{}
	for _, f := range p.Files {
		if !seen[f.Version] {
			seen[f.Version] = true
			list = append(list, f.Version)
		}
	}
	return list
}

// showPart shows a project, or the file of that name, listed or retired.
func (p *program) showPart(c *index.Catalog, what string) error {
	for project, f := range c.Files {
		if f.Filename == what {
			return p.showFile(project.Name, f)
		}
	}
	for i := range c.Retired {
		if f := &c.Retired[i].File; f.Filename == what {
			p.note("%s is retired since revision %d: not listed, still downloadable", what, c.Retired[i].Since)
			return p.showFile("", f)
		}
	}
	for i := range c.Projects {
		if c.Projects[i].Name == wheel.NormalizeName(what) {
			return p.showProject(&c.Projects[i])
		}
	}
	return fmt.Errorf("revision %d of %s has no project and no file %q; 'pinwheel show' with the reference alone lists its projects: %w", c.Serial, c.Name(), what, errdef.ErrNotFound)
}

func (p *program) showProject(x *index.Project) error {
	return p.answer(x, func(w io.Writer) error {
		fmt.Fprintf(w, "%s  %s\n", x.Name, x.Summary)
		if x.License != "" {
			fmt.Fprintf(w, "license   %s\n", x.License)
		}
		fmt.Fprintf(w, "changed   in revision %d\n", x.Changed)
		for _, f := range x.Files {
			fmt.Fprintf(w, "  %s  %s%s\n", f.Filename, size(f.Size), yanked(&f))
		}
		return nil
	})
}

func (p *program) showFile(project string, f *index.File) error {
	return p.answer(f, func(w io.Writer) error {
		fmt.Fprintf(w, "file      %s%s\n", f.Filename, yanked(f))
		if project != "" {
			fmt.Fprintf(w, "project   %s %s\n", project, f.Version)
		}
		fmt.Fprintf(w, "sha256    %s\nsize      %d\nmanifest  %s\nuploaded  %s\n", f.SHA256, f.Size, f.Manifest.Digest, stamp(f.UploadTime))
		if f.RequiresPython != "" {
			fmt.Fprintf(w, "python    %s\n", f.RequiresPython)
		}
		return nil
	})
}

func yanked(f *index.File) string {
	if f.Yanked == nil {
		return ""
	}
	return "  yanked: " + *f.Yanked
}
