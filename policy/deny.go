package policy

import (
	"slices"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// Denied tells which files must not be served, on any root (step 15).
type Denied struct {
	rules     []Denial
	withdrawn map[fileID]string
}

type fileID struct{ filename, sha256 string }

// Denied joins the policy's denials with what the catalog, the head and the
// state say is withdrawn.
func (x *Index) Denied(e *Evidence) *Denied {
	d := &Denied{rules: x.Deny, withdrawn: map[fileID]string{}}
	for _, w := range Withdrawals(e) {
		d.withdrawn[fileID{w.Filename, w.SHA256}] = w.Reason
	}
	return d
}

// File reports whether the file is denied, and why.
func (d *Denied) File(project, filename, sha256 string) (reason string, denied bool) {
	if reason, ok := d.withdrawn[fileID{filename, sha256}]; ok {
		return "withdrawn: " + reason, true
	}
	for _, r := range d.rules {
		if (r.Project == "" || r.Project == project) && (r.Filename == "" || r.Filename == filename) && (r.SHA256 == "" || r.SHA256 == sha256) {
			return "denied by policy: " + r.Reason, true
		}
	}
	return "", false
}

// Withdrawals returns the union of all withdrawals known, in ascending order.
func Withdrawals(e *Evidence) []index.Withdrawn {
	all := slices.Clone(e.Catalog.Withdrawn)
	if e.Head != nil {
		all = append(all, e.Head.Promotion.Withdrawn...)
	}
	if e.State != nil {
		all = append(all, e.State.Withdrawn...)
	}
	slices.SortStableFunc(all, compareWithdrawn)
	return slices.CompactFunc(all, func(a, b index.Withdrawn) bool { return compareWithdrawn(a, b) == 0 })
}

// NextState is what to remember once the revision is served. What the state
// knew of heads stays where none is followed now: a head that is taken away
// for a while must not make an older one acceptable.
func (x *Index) NextState(e *Evidence) *State {
	s := &State{
		Name: x.Name.String(), Stage: e.Kind.Stage(), Epoch: x.Epoch, Revision: e.Digest,
		Serial: e.Catalog.Serial, Catalog: e.CatalogSHA256, Withdrawn: Withdrawals(e),
	}
	if e.Head != nil {
		s.Sequence, s.Promotion, s.Counter = e.Head.Promotion.Sequence, e.Head.PromotionSHA256, e.Head.Freshness.Counter
		return s
	}
	if e.State.Known(x.Epoch) {
		s.Sequence, s.Promotion, s.Counter = e.State.Sequence, e.State.Promotion, e.State.Counter
	}
	if e.Released != nil && s.Sequence != e.Released.HeadSequence {
		s.Sequence, s.Promotion, s.Counter = e.Released.HeadSequence, "", 0
	}
	return s
}
