package publish

import (
	"slices"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// Mark is something that is said of files, and why. The reason is at most
// [index.MaxReason] bytes without control characters.
type Mark struct {
	Selector Selector
	Reason   string
}

// StatusMark gives a project a status (PEP 792): archived, quarantined,
// deprecated, or active, which takes the status away.
type StatusMark struct {
	Project string
	Status  string
	Reason  string
}

// The statuses of a project, as PEP 792 names them.
const (
	StatusActive      = "active"
	StatusArchived    = "archived"
	StatusQuarantined = "quarantined"
	StatusDeprecated  = "deprecated"
)

// edit does what the options ask for besides adding files.
func (d *draft) edit(st *start, o Options) error {
	for _, m := range o.Yank {
		if err := d.setYanked("yank", m.Selector, &m.Reason); err != nil {
			return err
		}
	}
	for _, s := range o.Unyank {
		if err := d.setYanked("unyank", s, nil); err != nil {
			return err
		}
	}
	for _, m := range o.Status {
		if err := d.setStatus(m); err != nil {
			return err
		}
	}
	for _, m := range o.Withdraw {
		if err := d.withdraw(m, st); err != nil {
			return err
		}
	}
	d.dropWithdrawn()
	return nil
}

// remove takes files off the pages. What an earlier run took off already is no
// error; what the index never had is.
func (d *draft) remove(s Selector, known map[string]index.File) error {
	if d.takeOut(s.Matches) > 0 {
		return nil
	}
	for _, f := range known {
		if s.Matches(&f) {
			return nil
		}
	}
	return unmatched("remove", s)
}

func unmatched(what string, s Selector) error {
	return input("%s %s: no file of the index matches; 'pinwheel show REFERENCE' lists what there is", what, s)
}

// takeOut unlists files and counts them.
func (d *draft) takeOut(matches func(*index.File) bool) (n int) {
	for name, p := range d.projects {
		before := len(p.Files)
		p.Files = slices.DeleteFunc(p.Files, func(f index.File) bool { return matches(&f) })
		if gone := before - len(p.Files); gone > 0 {
			d.touched[name] = true
			n += gone
		}
	}
	return n
}

// setYanked yanks listed files (PEP 592) or, without a reason, takes that back.
func (d *draft) setYanked(what string, s Selector, reason *string) error {
	found := false
	for name, p := range d.projects {
		for i := range p.Files {
			f := &p.Files[i]
			if !s.Matches(f) {
				continue
			}
			found = true
			if !sameText(f.Yanked, reason) {
				f.Yanked = reason
				d.touched[name] = true
			}
		}
	}
	if !found {
		return unmatched(what, s)
	}
	return nil
}

func sameText(a, b *string) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

func (d *draft) setStatus(m StatusMark) error {
	name := wheel.NormalizeName(m.Project)
	p := d.projects[name]
	if p == nil {
		return input("status %s: the index has no such project", m.Project)
	}
	var status *index.Status
	switch m.Status {
	case StatusActive:
	case StatusArchived, StatusQuarantined, StatusDeprecated:
		status = &index.Status{Status: m.Status, Reason: m.Reason}
	default:
		return input("status %s: %q: want archived, quarantined, deprecated or active", m.Project, m.Status)
	}
	if statusText(p.Status) != statusText(status) {
		p.Status = status
		d.touched[name] = true
	}
	return nil
}

// statusText is how a status is shown: "archived: no longer maintained".
func statusText(s *index.Status) string {
	switch {
	case s == nil:
		return StatusActive
	case s.Reason == "":
		return s.Status
	default:
		return s.Status + ": " + s.Reason
	}
}

// checkOpen refuses files for projects that take none (PEP 792).
func checkOpen(p *index.Project, path string) error {
	if p.Status == nil || p.Status.Status != StatusArchived && p.Status.Status != StatusQuarantined {
		return nil
	}
	return input("publish %s: project %s is %s and takes no files; 'pinwheel mark status %s active' opens it", path, p.Name, statusText(p.Status), p.Name)
}

// withdraw notes files as gone for cause: those that are listed or can still be
// downloaded, and one that the index forgot, if it is given with its hash.
func (d *draft) withdraw(m Mark, st *start) error {
	found := map[string]string{} // sha256 by name
	for _, f := range d.offered(st) {
		if m.Selector.Matches(&f) {
			found[f.Filename] = f.SHA256
		}
	}
	if m.Selector.sha256 != "" {
		found[m.Selector.filename] = m.Selector.sha256
	}
	known := false
	for _, w := range d.catalog.Withdrawn {
		known = known || m.Selector.Matches(&index.File{Filename: w.Filename, SHA256: w.SHA256})
		if found[w.Filename] == w.SHA256 {
			delete(found, w.Filename)
		}
	}
	if len(found) == 0 && !known {
		return unmatched("withdraw", m.Selector)
	}
	for name, hash := range found {
		d.catalog.Withdrawn = append(d.catalog.Withdrawn, index.Withdrawn{Filename: name, Reason: m.Reason, SHA256: hash, Since: d.catalog.Serial})
	}
	d.sortWithdrawn()
	return nil
}

// offered are all files that can be downloaded: of this draft, and of what base
// and live list or keep.
func (d *draft) offered(st *start) map[string]index.File {
	all := knownFiles(st)
	for _, p := range d.projects {
		for _, f := range p.Files {
			all[f.Filename] = f
		}
	}
	return all
}

// takeWithdrawn carries over what is withdrawn already, whatever the base is:
// nothing that is gone for cause comes back.
func (d *draft) takeWithdrawn(st *start) {
	for _, c := range []*index.Catalog{catalogOf(st.base), catalogOf(st.liveRev), catalogOf(st.candidateRev)} {
		if c != nil {
			d.catalog.Withdrawn = append(d.catalog.Withdrawn, c.Withdrawn...)
		}
	}
	d.sortWithdrawn()
	d.dropWithdrawn()
}

// sortWithdrawn keeps of two entries for the same bytes the older one.
func (d *draft) sortWithdrawn() {
	compare := func(a, b index.Withdrawn) int {
		if c := strings.Compare(a.Filename, b.Filename); c != 0 {
			return c
		}
		return strings.Compare(a.SHA256, b.SHA256)
	}
	list := slices.Clone(d.catalog.Withdrawn)
	slices.SortStableFunc(list, func(a, b index.Withdrawn) int {
		if c := compare(a, b); c != 0 {
			return c
		}
		return int(min(a.Since, 1<<30)) - int(min(b.Since, 1<<30))
	})
	d.catalog.Withdrawn = slices.CompactFunc(list, func(a, b index.Withdrawn) bool { return compare(a, b) == 0 })
}

func (d *draft) dropWithdrawn() {
	d.takeOut(func(f *index.File) bool { return d.isWithdrawn(f.Filename) })
}

func (d *draft) isWithdrawn(filename string) bool {
	_, found := slices.BinarySearchFunc(d.catalog.Withdrawn, filename, func(w index.Withdrawn, name string) int { return strings.Compare(w.Filename, name) })
	return found
}
