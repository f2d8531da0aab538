package policy

import (
	"slices"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// Kind is what was asked for.
type Kind int

// The kinds of request.
const (
	Live Kind = iota
	Candidate
	Pinned
)

// Stage is the name under which the state of this kind of request is kept.
func (k Kind) Stage() string { return [...]string{index.StageLive, "candidate", "pinned"}[k] }

// Head is a verified head: each key listed made a good signature.
type Head struct {
	Promotion       index.Promotion
	PromotionSHA256 string // of the statement's bytes, hexadecimal
	PromotionKeys   []*Key
	Freshness       index.Freshness
	FreshnessKeys   []*Key
}

// ReleaseEvidence is a verified release.
type ReleaseEvidence struct {
	Release *index.Release
	Keys    []*Key
}

// Evidence is what was found out about one revision, for [Index.Decide].
type Evidence struct {
	Kind Kind
	// Digest of the full index, found or rebuilt.
	Digest        digest.Digest
	Catalog       *index.Catalog
	CatalogSHA256 string
	// Keys of role release with a good embedded signature over this catalog.
	Keys []*Key
	// Head is nil where there is none.
	Head *Head
	// Serial that the head or release gives for the revision; 0 without one.
	Serial uint64
	// Since is when what named the revision was issued; zero without one.
	Since time.Time
	// Released is the entry of the verified release that names the revision,
	// or nil.
	Released *index.Released
	// State is what was remembered, see [Index.Remembered]; nil for nothing.
	State *State
}

// DecideHead applies steps 2 to 4 to a head; s may be nil.
func (x *Index) DecideHead(h *Head, s *State, now time.Time) error {
	if err := x.DecidePromotion(h, now); err != nil {
		return err
	}
	if err := x.decideFreshness(h, now); err != nil {
		return err
	}
	return x.decideSequence(h, s)
}

// DecidePromotion applies step 2 to a head.
func (x *Index) DecidePromotion(h *Head, now time.Time) error {
	p := h.Promotion
	if err := x.signed(2, HeadSignature, h.PromotionKeys, x.PromoteThreshold, "promote", p.Issued); err != nil {
		return err
	}
	if p.Name != x.Name.String() {
		return Refuse(2, HeadName, "the head is of %s, not of %s", p.Name, x.Name)
	}
	if p.Epoch != x.Epoch {
		return Refuse(2, HeadEpoch, "the head has epoch %d, the policy says %d", p.Epoch, x.Epoch)
	}
	if p.Issued.After(now.Add(x.Skew)) {
		return Refuse(2, HeadFuture, "the promotion was issued at %s, which is in the future", p.Issued.Format(time.RFC3339))
	}
	return nil
}

func (x *Index) decideFreshness(h *Head, now time.Time) error {
	f := h.Freshness
	if f.Issued.After(now.Add(x.Skew)) {
		return Refuse(3, HeadFuture, "the freshness was issued at %s, which is in the future", f.Issued.Format(time.RFC3339))
	}
	if f.Promotion != h.PromotionSHA256 || f.Name != h.Promotion.Name || f.Epoch != h.Promotion.Epoch {
		return Refuse(3, FreshnessSignature, "the freshness statement is about another promotion")
	}
	if err := x.signed(3, FreshnessSignature, h.FreshnessKeys, 1, "promote or refresh", f.Issued); err != nil {
		return err
	}
	if x.Freshness != FreshHead {
		return nil
	}
	if !now.Before(f.Expires) {
		return Refuse(3, Expired, "the head expired at %s; run 'pinwheel sign --refresh', or mirror a newer head", f.Expires.Format(time.RFC3339))
	}
	// A stolen key that is past its end could date a statement back.
	return x.signed(3, FreshnessSignature, h.FreshnessKeys, 1, "promote or refresh", now)
}

func (x *Index) decideSequence(h *Head, s *State) error {
	if !s.Known(x.Epoch) || s.Sequence == 0 {
		return nil
	}
	switch {
	case h.Promotion.Sequence < s.Sequence:
		return Refuse(4, Rollback, "the head has sequence %d, sequence %d was seen before", h.Promotion.Sequence, s.Sequence)
	case h.Promotion.Sequence > s.Sequence:
		return nil
	case s.Promotion != "" && h.PromotionSHA256 != s.Promotion:
		return Refuse(4, Equivocation, "two promotions with sequence %d: statements %s and %s", s.Sequence, s.Promotion, h.PromotionSHA256)
	case h.Freshness.Counter < s.Counter:
		return Refuse(4, Rollback, "the freshness has counter %d, counter %d was seen before", h.Freshness.Counter, s.Counter)
	}
	return nil
}

// DecideRelease is [Index.DecideHead] for a release.
func (x *Index) DecideRelease(e ReleaseEvidence, s *State, now time.Time) error {
	r := e.Release
	if err := x.signed(2, HeadSignature, e.Keys, x.PromoteThreshold, "promote", r.Issued); err != nil {
		return err
	}
	if r.Product != x.Name.Product || r.Series != x.Name.Series {
		return Refuse(2, HeadName, "the release is of %s/%s, not of %s/%s", r.Product, r.Series, x.Name.Product, x.Name.Series)
	}
	if r.Epoch != x.Epoch {
		return Refuse(2, HeadEpoch, "the release has epoch %d, the policy says %d", r.Epoch, x.Epoch)
	}
	if r.Issued.After(now.Add(x.Skew)) {
		return Refuse(2, HeadFuture, "the release was issued at %s, which is in the future", r.Issued.Format(time.RFC3339))
	}
	entry, ok := r.Variants[x.Name.Variant]
	if !ok || !s.Known(x.Epoch) {
		return nil
	}
	if entry.HeadSequence < s.Sequence {
		return Refuse(4, Rollback, "the release names head sequence %d, sequence %d was seen before", entry.HeadSequence, s.Sequence)
	}
	// What a head left in the state may be of a mirror that lagged behind it;
	// only two releases can be compared by their revisions.
	if entry.HeadSequence == s.Sequence && s.Promotion == "" && entry.Revision != s.Revision {
		return Refuse(4, Equivocation, "two releases with head sequence %d: revisions %s and %s", s.Sequence, s.Revision, entry.Revision)
	}
	return nil
}

// signed counts distinct keys that were valid when the statement was issued.
func (x *Index) signed(step int, code Code, keys []*Key, threshold int, role string, issued time.Time) error {
	if n := distinct(keys, func(k *Key) bool { return k.ValidAt(issued) }); n < threshold {
		return Refuse(step, code, "%d of %d wanted signatures by keys with role %s that were valid at %s", n, threshold, role, issued.Format(time.RFC3339))
	}
	return nil
}

func distinct(keys []*Key, counts func(*Key) bool) int {
	seen := map[string]bool{}
	for _, k := range keys {
		if !k.Revoked && counts(k) {
			seen[k.Public.KeyID()] = true
		}
	}
	return len(seen)
}

// Decide applies steps 8 to 10, 11 (the target), 13 and 14 to a revision. It
// returns warnings, or the refusal.
func (x *Index) Decide(e *Evidence, now time.Time) (warnings []string, err error) {
	if err := x.decideSignatures(e, now); err != nil {
		return nil, err
	}
	if err := x.decideIdentity(e); err != nil {
		return nil, err
	}
	for _, f := range e.Catalog.Files {
		if !e.Catalog.Target.Admits(f) {
			return nil, Refuse(11, OutsideTarget, "%s is outside the target that the catalog declares", f.Filename)
		}
	}
	if err := x.decideAge(e, now); err != nil {
		return nil, err
	}
	if x.RequireGates && (e.Catalog.Gates == nil || e.Catalog.Gates.Result != "pass") {
		return nil, Refuse(14, GatesNotPassed, "the catalog has no passed gates, and the policy requires them")
	}
	return append(x.headGone(e), x.fork(e)...), nil
}

func (x *Index) decideSignatures(e *Evidence, now time.Time) error {
	named := x.names(e)
	n := distinct(e.Keys, func(k *Key) bool {
		ended := !k.NotAfter.IsZero() && now.After(k.NotAfter)
		return k.ValidAt(e.Catalog.Issued) && (!ended || named)
	})
	if n < x.ReleaseThreshold {
		return Refuse(9, ReleaseSignature, "%d of %d wanted signatures by keys with role release on revision %s", n, x.ReleaseThreshold, e.Digest)
	}
	return nil
}

// names reports whether a promotion or a release names the revision or the
// policy pins it.
func (x *Index) names(e *Evidence) bool {
	if slices.Contains(x.Pins, e.Digest) || e.Released != nil {
		return true
	}
	if e.Head == nil {
		return false
	}
	_, ok := Named(&e.Head.Promotion, e.Digest)
	return ok
}

// Named finds a revision in a promotion, as its subject or among the recent.
// For the subject, Until is zero.
func Named(p *index.Promotion, d digest.Digest) (index.Recent, bool) {
	if p.Revision == d {
		return index.Recent{From: p.Issued, Revision: d, Sequence: p.Sequence, Serial: p.Serial}, true
	}
	for _, r := range p.Recent {
		if r.Revision == d {
			return r, true
		}
	}
	return index.Recent{}, false
}

func (x *Index) decideIdentity(e *Evidence) error {
	c, s := e.Catalog, e.State
	if c.Name() != x.Name {
		return Refuse(10, WrongName, "the catalog is of %s, not of %s", c.Name(), x.Name)
	}
	if c.Epoch != x.Epoch {
		return Refuse(10, WrongEpoch, "the catalog has epoch %d, the policy says %d", c.Epoch, x.Epoch)
	}
	if e.Serial != 0 && c.Serial != e.Serial {
		return Refuse(10, WrongSerial, "the catalog has serial %d, what names it says %d", c.Serial, e.Serial)
	}
	if e.Kind == Pinned {
		return nil
	}
	if c.Serial < x.MinSerial {
		return Refuse(10, MinSerial, "serial %d is below the policy's minSerial %d", c.Serial, x.MinSerial)
	}
	if !s.Known(x.Epoch) {
		return nil
	}
	switch {
	case c.Serial < s.Serial:
		return Refuse(10, Rollback, "serial %d, serial %d was seen before", c.Serial, s.Serial)
	case c.Serial == s.Serial && e.CatalogSHA256 != s.Catalog:
		return Refuse(10, Equivocation, "two catalogs with serial %d: revisions %s and %s", c.Serial, s.Revision, e.Digest)
	case c.Serial-s.Serial > x.MaxJump && c.Serial != x.AllowJumpTo:
		return Refuse(10, MaxJump, "serial %d after %d is a jump of more than %d; if it is right, set allowJumpTo: %d once", c.Serial, s.Serial, x.MaxJump, c.Serial)
	}
	return nil
}

func (x *Index) decideAge(e *Evidence, now time.Time) error {
	if x.Freshness != FreshMaxAge || e.Kind != Live {
		return nil
	}
	newest := e.newest()
	if newest.After(now.Add(x.Skew)) {
		return Refuse(13, CatalogFuture, "the catalog was issued at %s, which is in the future, so that its age cannot be told", newest.Format(time.RFC3339))
	}
	if age := now.Sub(newest); age > x.MaxAge {
		return Refuse(13, TooOld, "nothing signed since %s, the policy's maxAge is %s", newest.Format(time.RFC3339), x.MaxAge)
	}
	return nil
}

// headGone warns when a head was there before and none is now: whoever runs the
// store can then show any signed revision, promoted or not.
func (x *Index) headGone(e *Evidence) []string {
	if e.Kind != Live || e.Head != nil || e.Released != nil || !e.State.Known(x.Epoch) || e.State.Sequence == 0 {
		return nil
	}
	return []string{"head-gone: there is no head, but one with sequence " + strconv.FormatUint(e.State.Sequence, 10) + " was seen before"}
}

// fork warns when the revision seen last is not in this one's past. It is not
// a refusal: after more than [index.MaxRecent] promotions nobody can tell.
func (x *Index) fork(e *Evidence) []string {
	s := e.State
	if e.Kind == Pinned || !s.Known(x.Epoch) || s.Revision == e.Digest || s.Revision == e.Catalog.Previous || e.Head == nil {
		return nil
	}
	recent := e.Head.Promotion.Recent
	if _, ok := Named(&e.Head.Promotion, s.Revision); ok {
		return nil
	}
	if len(recent) > 0 && s.Sequence < recent[len(recent)-1].Sequence {
		return nil
	}
	return []string{"fork: revision " + string(s.Revision) + " was seen before, but is not in the past of " + string(e.Digest)}
}

// StaleAfter returns when a revision stops being fresh, grace included; zero
// means never.
func (x *Index) StaleAfter(e *Evidence) time.Time {
	switch {
	case e.Kind != Live || x.Freshness == FreshNone:
		return time.Time{}
	case x.Freshness == FreshHead && e.Head != nil:
		return e.Head.Freshness.Expires.Add(x.Grace)
	default:
		return e.newest().Add(x.MaxAge + x.Grace)
	}
}

// newest is the time of the newest statement about the revision.
func (e *Evidence) newest() time.Time {
	t := e.Catalog.Issued
	if e.Since.After(t) {
		t = e.Since
	}
	if e.Head == nil {
		return t
	}
	for _, issued := range []time.Time{e.Head.Promotion.Issued, e.Head.Freshness.Issued} {
		if issued.After(t) {
			t = issued
		}
	}
	return t
}
