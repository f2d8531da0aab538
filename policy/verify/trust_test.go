package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// withdraw takes a file out of a catalog for cause.
func withdraw(c *index.Catalog, filename string) index.Withdrawn {
	for i := range c.Projects {
		p := &c.Projects[i]
		for j, f := range p.Files {
			if f.Filename == filename {
				gone := index.Withdrawn{Filename: filename, Reason: "malware", SHA256: f.SHA256, Since: c.Serial}
				c.Withdrawn = append(c.Withdrawn, gone)
				p.Files = append(p.Files[:j:j], p.Files[j+1:]...)
				return gone
			}
		}
	}
	panic("no such file")
}

func denies(r *verify.Revision, w index.Withdrawn) bool {
	reason, denied := r.Denied.File("demo", w.Filename, w.SHA256)
	return denied && strings.Contains(reason, "malware")
}

func TestWithdrawnFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0", "1.1")
	s := w.shim()
	r := s.serves(first)
	bad := index.Withdrawn{Filename: "demo-1.0-py3-none-any.whl", SHA256: r.Catalog.Projects[0].Files[0].SHA256}
	if denies(r, bad) {
		t.Fatal("denied before it was withdrawn")
	}

	// Withdrawn in the catalog: the pinned old revision does not serve it either.
	w.pass(time.Hour)
	next := w.catalog(name.LiveTag())
	next.Previous, next.Serial, next.Issued = first, 2, w.now
	withdraw(next, bad.Filename)
	second := w.goLive(w.store, handRevision{catalog: next})
	if r = s.serves(second); !denies(r, bad) {
		t.Error("served although the catalog withdrew it")
	}
	w.writeHead(w.store, func() handHead {
		h := w.head()
		h.Promotion.Sequence++
		h.Promotion.Withdrawn = []index.Withdrawn{next.Withdrawn[0]}
		h.Promotion.Recent = []index.Recent{{From: dawn, Revision: first, Sequence: 1, Serial: 1, Until: w.now}}
		return h
	}())
	s.serves(second)
	pinned, err := s.Pinned(t.Context(), first, nil)
	w.must(err)
	if !denies(pinned, bad) {
		t.Error("the pinned revision serves it although the head withdrew it")
	}

	// Remembered, even if a later head and catalog forget it.
	w.pass(time.Hour)
	forgetful := *next
	forgetful.Withdrawn, forgetful.Previous, forgetful.Serial, forgetful.Issued = nil, second, 3, w.now
	third := w.goLive(w.store, handRevision{catalog: &forgetful})
	h := w.head()
	h.Promotion.Withdrawn = nil
	w.writeHead(w.store, h)
	if r = s.serves(third); !denies(r, bad) || len(s.state.Withdrawn) != 1 {
		t.Errorf("forgotten: %+v", s.state.Withdrawn)
	}
	if r = w.shim().serves(third); denies(r, bad) {
		t.Error("a fresh reader cannot know")
	}

	// A new epoch starts from nothing.
	if kept := w.shim("epoch: 2").Rules.Remembered(policy.Live, s.state); kept != nil {
		t.Errorf("epoch 2 remembers %+v", kept)
	}
}

func TestDeniedByPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0", "1.1")
	s := w.shim("deny: [{project: Other.Thing}, {filename: demo-1.0-py3-none-any.whl, reason: slow}]")
	r := s.serves(first)
	for filename, want := range map[string]bool{"demo-1.0-py3-none-any.whl": true, "demo-1.1-py3-none-any.whl": false} {
		if reason, got := r.Denied.File("demo", filename, strings.Repeat("a", 64)); got != want {
			t.Errorf("%s: denied is %t (%s)", filename, got, reason)
		}
	}
	if _, denied := r.Denied.File("other-thing", "x", ""); !denied {
		t.Error("the project in another spelling is served")
	}
	pinned, err := s.Pinned(t.Context(), first, nil)
	w.must(err)
	if _, denied := pinned.Denied.File("demo", "demo-1.0-py3-none-any.whl", ""); !denied {
		t.Error("served under the pinned root")
	}
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	signed, rest := w.now, w.policyKey("promote", "promote")+w.policyKey("refresh", "refresh")
	old := func(members ...string) string { return w.policyKey("release", "release", members...) }
	fresh := w.policyKey("release-2", "release")
	w.pass(48 * time.Hour)
	ended := "notAfter: " + signed.Add(24*time.Hour).Format(time.RFC3339)

	// While both are good, and after the old one's end: a promotion names it.
	w.shimWith(old() + fresh + rest).serves(first)
	r := w.shimWith(old(ended) + fresh + rest).serves(first)
	if len(r.Keys) != 1 || r.Keys[0].Name != "release" {
		t.Errorf("signed by %v", r.Keys)
	}
	// Without one the end is an end: whoever has the key could date back.
	s := w.shimWith(old(ended)+fresh+rest, "freshness: none")
	_, err := s.Candidate(t.Context(), nil)
	wantRefusal(t, err, 9, policy.ReleaseSignature)
	bare := registry.NewMemory()
	w.mirror(bare, name.LiveTag())
	s.from(bare).refuses(9, policy.ReleaseSignature)
	w.shimWith(old(ended)+fresh+rest, "freshness: none", "pins: ["+string(first)+"]").from(bare).serves(first)
	// A release names it as a promotion does.
	w.writeRelease(1, w.released(1, 1))
	w.mirror(bare, name.Series)
	w.shimWith(old(ended)+fresh+rest, "freshness: none", "follow: release").from(bare).serves(first)

	// Signed after the end, or before the beginning, it counts for nothing.
	early := "notAfter: " + signed.Add(-time.Second).Format(time.RFC3339)
	w.shimWith(old(early)+fresh+rest).refuses(9, policy.ReleaseSignature)
	late := "notBefore: " + signed.Add(time.Second).Format(time.RFC3339)
	w.shimWith(old(late)+fresh+rest).refuses(9, policy.ReleaseSignature)
	// Revoked, it never counts, pinned or not.
	w.shimWith(old("revoked: true")+fresh+rest, "pins: ["+string(first)+"]").refuses(9, policy.ReleaseSignature)

	// The new key signs from now on.
	w.release = []sign.Signer{w.key("release-2")}
	second := w.ship("2.0")
	w.shimWith(old(ended) + fresh + rest).serves(second)
	w.shimWith(old()+rest).refuses(9, policy.ReleaseSignature)
}

func TestKeysOfHeadsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	release := w.policyKey("release", "release")
	end := "notAfter: " + w.now.Add(time.Hour).Format(time.RFC3339)
	keys := release + w.policyKey("promote", "promote", end) + w.policyKey("refresh", "refresh")
	w.shimWith(keys).serves(first)
	w.pass(2 * time.Hour)
	// The promotion is of its time, but nobody may vouch now with an ended key.
	w.shimWith(keys).refuses(3, policy.FreshnessSignature)
	w.shimWith(keys, "freshness: none").serves(first)
	w.refreshHead()
	w.shimWith(keys).serves(first)
	w.shimWith(release+w.policyKey("promote", "promote", "revoked: true")+w.policyKey("refresh", "refresh"), "freshness: none").
		refuses(2, policy.HeadSignature)
	revoked := release + w.policyKey("promote", "promote") + w.policyKey("refresh", "refresh", "revoked: true")
	w.shimWith(revoked).refuses(3, policy.FreshnessSignature)
}

func TestRefreshKeyCannotPromote(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ship("1.0")
	h := w.head()
	h.promote = []sign.Signer{w.refresh}
	w.writeHead(w.store, h)
	w.shim().refuses(2, policy.HeadSignature)
	h.promote = w.release
	w.writeHead(w.store, h)
	w.shim().refuses(2, policy.HeadSignature)
}

func TestReplicaWithoutAState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	old := registry.NewMemory()
	w.mirror(old, name.LiveTag(), name.HeadTag())
	w.pass(time.Hour)
	second := w.ship("2.0")
	// It cannot know that there was a second; minSerial is its floor.
	w.shim().from(old).serves(first)
	w.shim("minSerial: 2").from(old).refuses(10, policy.MinSerial)
	w.shim("minSerial: 2").serves(second)
}

func TestTwoWriters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ship("1.0")
	other := registry.NewMemory()
	w.mirror(other, name.LiveTag(), name.HeadTag())
	theirs := &world{t: t, now: w.now.Add(time.Hour), store: other, dir: t.TempDir(), release: w.release, promote: w.promote, refresh: w.refresh, trusted: w.trusted}
	w.pass(time.Hour)
	ours := w.ship("2.0")
	w.publish(demo("3.0")...)
	theirs.ship("2.1")

	// The same sequence twice, with different statements.
	s := w.shim()
	s.serves(ours)
	s.from(other).refuses(4, policy.Equivocation)
	// The same serial twice, seen where no head says so first.
	bare := registry.NewMemory()
	theirs.mirror(bare, name.LiveTag())
	s = w.shim("freshness: none")
	s.serves(ours)
	s.from(bare).refuses(10, policy.Equivocation)

	// A writer that went on from another past is noticed.
	theirs.pass(time.Hour)
	w.pass(time.Hour)
	forked := theirs.ship("2.2")
	s = w.shim()
	s.serves(ours)
	if r := s.from(other).serves(forked); len(r.Warnings) != 1 || !strings.HasPrefix(r.Warnings[0], "fork: ") {
		t.Errorf("warnings %q", r.Warnings)
	}

	// The same catalog signed anew is the same revision to users.
	w.pass(time.Hour)
	c := w.catalog(name.LiveTag())
	again := w.release
	w.release = append(w.release, w.key("release-2"))
	w.goLive(w.store, handRevision{catalog: c})
	w.release = again
	s = w.shim()
	s.state = &policy.State{
		Catalog: s.catalogOf(ours), Counter: 1, Epoch: 1, Name: name.String(), Promotion: strings.Repeat("a", 64), Revision: ours, Sequence: 2, Serial: 2, Stage: "live",
	}
	if _, err := s.poll(); err != nil {
		t.Error(err)
	}
}

// catalogOf is the sha256 of a revision's decoded catalog.
func (s *shim) catalogOf(revision interface{ String() string }) string {
	s.w.t.Helper()
	l, err := s.Load(s.w.t.Context(), revision.String())
	s.w.must(err)
	return l.CatalogSHA256
}

func TestNoForkWhereTheHistoryEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ship("1.0")
	s := w.shim()
	s.serves(first)
	for _, v := range []string{"2.0", "3.0", "4.0"} {
		w.pass(time.Hour)
		w.ship(v)
	}
	live := w.at(name.LiveTag()).Digest
	if r := s.serves(live); len(r.Warnings) != 0 {
		t.Errorf("warnings %q", r.Warnings)
	}
	s = w.shim()
	s.state = &policy.State{
		Catalog: strings.Repeat("a", 64), Counter: 1, Epoch: 1, Name: name.String(), Promotion: strings.Repeat("a", 64), Revision: "sha256:" + hex64,
		Sequence: 2, Serial: 2, Stage: "live",
	}
	h := w.head()
	h.Promotion.Recent = h.Promotion.Recent[:1] // reaches back to 3 only
	w.writeHead(w.store, h)
	if r := s.serves(live); len(r.Warnings) != 0 {
		t.Errorf("warnings %q", r.Warnings)
	}
}

const hex64 = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"

func TestThresholdOfTwo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := w.standard() + w.policyKey("release-2", "release") + w.policyKey("promote-2", "promote")
	first := w.ship("1.0")
	two := w.shimWith(keys, "release: {threshold: 2}", "promote: {threshold: 2}")
	two.refuses(2, policy.HeadSignature)
	w.shimWith(keys, "release: {threshold: 2}").refuses(9, policy.ReleaseSignature)
	w.shimWith(keys).serves(first)

	w.release = append(w.release, w.key("release-2"))
	w.promote = append(w.promote, w.key("promote-2"))
	w.pass(time.Hour)
	second := w.publishOn(publish.BaseNewest, nil, demo("2.0")...).Revision.Digest
	w.promoteCandidate()
	if r := two.serves(second); len(r.Keys) != 2 || len(r.Head.PromotionKeys) != 2 {
		t.Errorf("signed by %v, promoted by %v", r.Keys, r.Head.PromotionKeys)
	}

	// One key twice is one key.
	w.pass(time.Hour)
	h := w.head()
	h.promote = []sign.Signer{w.promote[0], w.promote[0]}
	w.writeHead(w.store, h)
	two.refuses(2, policy.HeadSignature)
	h.promote = w.promote
	w.writeHead(w.store, h)
	w.release = []sign.Signer{w.release[0], w.release[0]}
	c := w.catalog(name.LiveTag())
	c.Serial, c.Issued, c.Previous = 3, w.now, second
	w.goLive(w.store, handRevision{catalog: c})
	two.refuses(9, policy.ReleaseSignature)
}
