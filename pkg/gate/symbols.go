package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
)

// importer is a library of a listed wheel that imports from a watched name
// space.
type importer struct {
	file    *file
	content *content
	index   int // of the library
	symbols map[string][]string
}

func (i *importer) library() *facts.Library { return &i.content.libraries[i.index] }

// families are providers: what they are called in messages, the SONAMEs by
// which a wheel is known to be one, and the name spaces that it serves.
var families = []struct {
	name       string
	sonames    []string
	namespaces []string
}{
	{"torch", []string{"libc10.so", "libtorch.so", "libtorch_cpu.so"}, []string{facts.Torch, facts.TorchStable}},
	{"arrow", []string{"libarrow.so."}, []string{facts.Arrow}},
}

// symbols wants what a library imports from torch or Arrow to be exported by
// every version of them that may be installed with it, in the candidate and,
// because clients may read pages of both, across the candidate and the live
// revision.
func (j *judge) symbols(ctx context.Context) error {
	now := importers(j.now)
	for _, i := range now {
		if err := j.pairs(ctx, i, j.now, within); err != nil {
			return err
		}
	}
	j.undeclaredTorch(now)
	if j.live == nil {
		return nil
	}
	listed, before := shas(j.now), shas(j.live)
	for _, i := range now {
		if !before[i.file.SHA256] { // else the pair was live already
			if err := j.pairs(ctx, i, j.live, newWithOld); err != nil {
				return err
			}
		}
	}
	for _, i := range importers(j.live) {
		if listed[i.file.SHA256] {
			continue // judged with the candidate
		}
		if err := j.pairs(ctx, i, j.now, oldWithNew); err != nil {
			return err
		}
		if err := j.pairs(ctx, i, j.live, wasLive); err != nil {
			return err
		}
	}
	return nil
}

// pairing says in which revisions consumer and provider are.
type pairing int

const (
	within pairing = iota
	newWithOld
	oldWithNew
	wasLive
)

func shas(w *world) map[string]bool {
	set := map[string]bool{}
	for _, f := range w.files {
		if f.counts() {
			set[f.SHA256] = true
		}
	}
	return set
}

func importers(w *world) []*importer {
	var list []*importer
	for _, f := range w.files {
		c := f.content()
		if c == nil || !f.counts() {
			continue
		}
		for k := range c.libraries {
			i := &importer{file: f, content: c, index: k, symbols: map[string][]string{}}
			for _, symbol := range c.libraries[k].Imports {
				namespace := facts.Namespace(symbol)
				i.symbols[namespace] = append(i.symbols[namespace], symbol)
			}
			if len(c.libraries[k].Imports) > 0 {
				list = append(list, i)
			}
		}
	}
	return list
}

// providers are the projects of a family: those with a wheel that has its
// libraries and exports.
func (w *world) providers(family int) []*project {
	var list []*project
	for _, p := range w.order {
		if slices.ContainsFunc(p.files, func(f *file) bool { return f.provides(family) }) {
			list = append(list, p)
		}
	}
	return list
}

func (f *file) provides(family int) bool {
	if f.facts == nil {
		return false
	}
	for _, l := range f.facts.Libraries {
		for _, name := range providedNames(l) {
			for _, soname := range families[family].sonames {
				if l.Exports > 0 && (name == soname || strings.HasSuffix(soname, ".") && strings.HasPrefix(name, soname)) {
					return true
				}
			}
		}
	}
	return false
}

// pairs judges an importer with everything in w that it may be installed with.
func (j *judge) pairs(ctx context.Context, i *importer, w *world, kind pairing) error {
	fits := w.loading(i.file, *i.library())
	for family := range families {
		var wanted []string
		for _, namespace := range families[family].namespaces {
			wanted = append(wanted, i.symbols[namespace]...)
		}
		if len(wanted) == 0 || i.file.provides(family) {
			continue
		}
		for _, p := range j.providersOf(w, family) {
			for env := range w.environments {
				if !fits.has(env) || p == i.file.project {
					continue
				}
				list, declared := offers(w, i.file, p.name, env)
				for _, rel := range list {
					if err := j.pair(ctx, pair{i, w, rel, env, kind, texts(declared)}); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// providersOf is providers, worked out once for each world.
func (j *judge) providersOf(w *world, family int) []*project {
	if w.families == nil {
		w.families = make([][]*project, len(families))
		for k := range families {
			w.families[k] = w.providers(k)
		}
	}
	return w.families[family]
}

// pair is an importer and one release that it may be installed with.
type pair struct {
	*importer
	world    *world
	provider *release
	env      int
	kind     pairing
	declared string
}

func (j *judge) pair(ctx context.Context, p pair) error {
	f := p.provider.best[p.env]
	if f == nil || f.facts == nil {
		return nil // of the base image, or nothing is known
	}
	if p.kind == newWithOld && j.lists(f.SHA256) {
		return nil // the provider is in the candidate too: judged within
	}
	where := j.now.environments[p.env].Environment
	missing, err := j.missing(ctx, p, p.importer)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		j.addFile(p.file, Finding{Severity: Error, Rule: "exports-missing", Tried: []string{p.provider.String()},
			Message: fmt.Sprintf("cannot be compared with %s: %v", p.provider, err), Fix: "publish " + f.Filename + " again, so that its exports are read"}, where)
		return nil
	}
	if len(missing) == 0 || p.kind == within && !p.world.together(p.file, p.provider, p.env) {
		return nil
	}
	l := p.library()
	finding := Finding{Severity: Error, Rule: "missing", Member: l.Member, Symbols: missing, Requirement: p.declared, Tried: []string{p.provider.String()},
		Message: fmt.Sprintf("imports %d symbols that %s does not export", len(missing), p.provider),
		Fix:     "rebuild it with that version, or require the version that it was built with"}
	if err := j.judgePair(ctx, p, &finding); err != nil {
		return err
	}
	if finding.Severity != "" {
		j.addFile(p.file, finding, where)
	}
	return nil
}

func (j *judge) lists(sha256 string) bool {
	if j.listed == nil {
		j.listed = shas(j.now)
	}
	return j.listed[sha256]
}

// judgePair gives a finding the severity that its pairing has; "" for none.
func (j *judge) judgePair(ctx context.Context, p pair, f *Finding) error {
	switch p.kind {
	case within:
		severity, why := p.content.alternative(p.index, func(k int) bool { return j.fits(ctx, p, k) }).severity()
		if severity != Error {
			f.Severity, f.Rule, f.Fix = severity, "alternative", ""
			f.Message += why
		}
	case wasLive:
		f.liveOnly()
	case newWithOld, oldWithNew:
		own := j.now
		if p.kind == oldWithNew {
			own = j.live
		}
		ok, err := j.fitsOwn(ctx, p, own)
		if err != nil || !ok {
			f.Severity = "" // reported for its own revision
			return err
		}
		j.acrossRevisions(f, p.kind)
	}
	return nil
}

// liveOnly makes a note of a finding on what is live and not in the candidate.
func (f *Finding) liveOnly() {
	f.Severity, f.Rule, f.Fix = Note, "was-live", ""
	f.Message += "; both are live now and not in the candidate"
}

// acrossRevisions makes a finding one on a pair across the candidate and the
// live revision.
func (j *judge) acrossRevisions(f *Finding, kind pairing) {
	partner := "which is live now"
	if kind == oldWithNew {
		partner = "which comes with this revision, while it is from the live one"
	}
	f.Rule, f.Fix = "across", "start a new series, publish in two steps, or declare the transition with its reason"
	f.Message += ", " + partner + "; clients may read some pages before and some after a promotion"
	j.across(f)
}

// fits reports whether library k of the same wheel finds its imports in the
// pair's provider.
func (j *judge) fits(ctx context.Context, p pair, k int) bool {
	other := &importer{file: p.file, content: p.content, index: k}
	if !p.world.environments[p.env].loads(*other.library()) {
		return false
	}
	missing, err := j.missing(ctx, p, other)
	return err == nil && len(missing) == 0 && len(p.content.libraries[k].Imports) > 0
}

// fitsOwn reports whether the importer fits every provider of the same family
// in its own revision.
func (j *judge) fitsOwn(ctx context.Context, p pair, own *world) (bool, error) {
	list, _ := offers(own, p.file, p.provider.project.name, p.env)
	for _, rel := range list {
		if f := rel.best[p.env]; f == nil || f.facts == nil {
			continue
		}
		q := p
		q.world, q.provider = own, rel
		missing, err := j.missing(ctx, q, p.importer)
		if err != nil || len(missing) > 0 {
			return false, err
		}
	}
	return true, nil
}
