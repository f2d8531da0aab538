package publish_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

func (w *world) big(version string) publish.Candidate {
	return w.file(wheeltest.Wheel{Name: "big", Version: version, Files: map[string]string{"big.bin": strings.Repeat(version, 1<<16)}})
}

func (w *world) refreshOptions() publish.RefreshOptions {
	return publish.RefreshOptions{Name: tools, Signer: w.key("refresh"), Trusted: []dsse.PublicKey{w.public("promote")}, Now: w.tick()}
}

func (w *world) refresh() *publish.Refreshed {
	w.Helper()
	r, err := publish.Refresh(w.Context(), w.store, w.refreshOptions())
	if err != nil {
		w.Fatal(err)
	}
	return r
}

func TestPromote(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.release(w.demo("1.0"))
	r := w.wantLive(first)
	if p := r.Head.Promotion; p.Sequence != 1 || p.By != "builder" || p.Reason != "tests passed" || len(p.Recent) != 0 {
		t.Errorf("the first promotion is number %d by %q because %q, %d recent", p.Sequence, p.By, p.Reason, len(p.Recent))
	}
	from := w.now
	second := w.release(w.demo("2.0"))
	r = w.wantLive(second)
	want := []index.Recent{{From: from, Revision: first, Sequence: 1, Serial: 1, Until: w.now}}
	if diff := cmp.Diff(want, r.Head.Promotion.Recent); diff != "" {
		t.Errorf("recent (-want +got):\n%s", diff)
	}
	if _, err := w.reader(w.store, 1).Pinned(t.Context(), first, nil); err != nil {
		t.Errorf("the first revision cannot be pinned: %v", err)
	}
	tags := []string{
		"3.4-cpu-ubi9", "3.4-cpu-ubi9.head", "rev.3.4-cpu-ubi9.1", "rev.3.4-cpu-ubi9.2",
		"rev.3.4-cpu-ubi9.head.1", "rev.3.4-cpu-ubi9.head.2", "test.3.4-cpu-ubi9",
	}
	if diff := cmp.Diff(tags, w.tags()); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if w.at("3.4-cpu-ubi9.head") != w.at("rev.3.4-cpu-ubi9.head.2") {
		t.Error("the head is not the last of its history")
	}
}

func TestPromoteByDigest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(w.demo("1.0"))
	second := w.publish(w.demo("2.0"))
	o := w.promoteOptions()
	o.Revision = second.Revision.Digest
	if err := w.planPromotion(o).Apply(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	w.wantLive(second.Revision.Digest)
}

func TestAlreadyLive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.release(w.demo("1.0"))
	p, err := publish.NewPromotion(t.Context(), w.store, w.promoteOptions())
	if !errors.Is(err, publish.ErrAlreadyLive) || p.Live != d || p.Sequence != 1 {
		t.Errorf("live %s, sequence %d, error %v: want ErrAlreadyLive at %s", p.Live, p.Sequence, err, d)
	}
}

func TestPromoteRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(w *world) publish.PromoteOptions
		want string
		is   error
	}{
		{"when there is no candidate", func(w *world) publish.PromoteOptions { return w.promoteOptions() }, "there is no candidate (tag test.3.4-cpu-ubi9); publish first", errdef.ErrNotFound},
		{"a digest that is not there", func(w *world) publish.PromoteOptions {
			w.publish(w.demo("1.0"))
			o := w.promoteOptions()
			o.Revision = digest.FromString("nothing")
			return o
		}, string(digest.FromString("nothing")), errdef.ErrNotFound},
		{"a candidate that nobody we trust has signed", func(w *world) publish.PromoteOptions {
			w.publish(w.demo("1.0"))
			o := w.promoteOptions()
			o.Trusted = nil
			return o
		}, "name the key that signed it with --trust FILE", nil},
		{"a head that nobody we trust has signed", func(w *world) publish.PromoteOptions {
			w.release(w.demo("1.0"))
			w.publish(w.demo("2.0"))
			o := w.promoteOptions()
			o.Signers = []sign.Signer{w.key("stranger")}
			return o
		}, "the head there cannot be built upon (name the key that promoted it: promote --trust-promote FILE", nil},
		{"a clock that went back", func(w *world) publish.PromoteOptions {
			w.release(w.demo("1.0"))
			w.publish(w.demo("2.0"))
			o := w.promoteOptions()
			o.Now = o.Now.Add(-3 * time.Minute)
			return o
		}, "set the clock right", nil},
		{"no key", func(w *world) publish.PromoteOptions {
			o := w.promoteOptions()
			o.Signers = nil
			return o
		}, "no signing key", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := tt.do(w)
			_, err := publish.NewPromotion(t.Context(), w.store, o)
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v, want one that says %q and is %v", err, tt.want, tt.is)
			}
		})
	}
}

// TestRecentIsCapped promotes more often than a head remembers.
func TestRecentIsCapped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var digests []digest.Digest
	for i := range index.MaxRecent + 2 {
		digests = append(digests, w.release(w.demo(fmt.Sprint(i+1))))
	}
	last := len(digests) - 1
	r, err := w.live()
	if err != nil {
		t.Fatal(err)
	}
	list := r.Head.Promotion.Recent
	if len(list) != index.MaxRecent || list[0].Revision != digests[last-1] || list[index.MaxRecent-1].Revision != digests[1] {
		t.Errorf("%d recent from serial %d to %d", len(list), list[0].Serial, list[len(list)-1].Serial)
	}
	v := w.reader(w.store, 1)
	if _, err := v.Pinned(t.Context(), digests[1], nil); err != nil {
		t.Errorf("the oldest that is named: %v", err)
	}
	var refusal *policy.Refusal
	if _, err := v.Pinned(t.Context(), digests[0], nil); !errors.As(err, &refusal) || refusal.Code != policy.NotNamed {
		t.Errorf("one older: error %v, want %s", err, policy.NotNamed)
	}
}

func TestRefreshCannotChangeWhatIsLive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	live := w.release(w.demo("1.0"))
	w.wantLive(live)
	w.publish(w.demo("2.0"))
	history := w.at("rev.3.4-cpu-ubi9.head.1")

	w.now = w.now.Add(8 * 24 * time.Hour)
	var refusal *policy.Refusal
	if _, err := w.live(); !errors.As(err, &refusal) || refusal.Code != policy.Expired {
		t.Fatalf("after eight days: error %v, want %s", err, policy.Expired)
	}
	r := w.refresh()
	if r.Sequence != 1 || r.Counter != 2 || !r.Expires.Equal(w.now.Add(publish.DefaultExpiry)) {
		t.Errorf("sequence %d, counter %d, expires %s", r.Sequence, r.Counter, r.Expires)
	}
	got := w.wantLive(live)
	if got.Head.Freshness.Counter != 2 || got.Head.FreshnessKeys[0].Name != "refresh" || got.Head.PromotionKeys[0].Name != "promote" {
		t.Errorf("freshness %d by %s, promotion by %s", got.Head.Freshness.Counter, got.Head.FreshnessKeys[0].Name, got.Head.PromotionKeys[0].Name)
	}
	if w.refresh().Counter != 3 {
		t.Error("the counter does not go on")
	}
	if w.at("rev.3.4-cpu-ubi9.head.1") != history {
		t.Error("a refresh changed the history of promotions")
	}

	// The same key as promoter: readers do not count it.
	o := w.promoteOptions()
	o.Signers, o.Promoters = []sign.Signer{w.key("refresh")}, []dsse.PublicKey{w.public("promote")}
	if err := w.planPromotion(o).Apply(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	if _, err := w.live(); !errors.As(err, &refusal) || refusal.Code != policy.HeadSignature {
		t.Errorf("promoted with the refresh key: error %v, want %s", err, policy.HeadSignature)
	}
}

func TestRefreshRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(w.demo("1.0"))
	if _, err := publish.Refresh(t.Context(), w.store, w.refreshOptions()); !errors.Is(err, errdef.ErrNotFound) || !strings.Contains(err.Error(), "promote a revision first") {
		t.Errorf("without a head: error %v", err)
	}
	w.promote()
	o := w.refreshOptions()
	o.Trusted = nil
	if _, err := publish.Refresh(t.Context(), w.store, o); err == nil || !strings.Contains(err.Error(), "--trust FILE") {
		t.Errorf("a promotion by a key that is not trusted: error %v", err)
	}
}

// TestHigherEpoch begins anew, as after the loss of a key: readers of the new
// epoch take the new head, whatever the old one said.
func TestHigherEpoch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(w.demo("1.0"))
	o := w.options(w.demo("2.0"))
	o.Epoch = 2
	w.publishWith(o)
	p := w.promote()
	r, err := w.reader(w.store, 2).Live(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Digest != p.Revision.Digest || r.Head.Promotion.Sequence != 2 || len(r.Head.Promotion.Recent) != 0 {
		t.Errorf("readers are at %s, sequence %d, %d recent", r.Digest, r.Head.Promotion.Sequence, len(r.Head.Promotion.Recent))
	}
	w.publish(w.demo("3.0"))
	w.promote()
	if _, err := w.reader(w.store, 2).Live(t.Context(), r.Next); err != nil {
		t.Error(err)
	}
}

// TestRetiredTag follows the tag of retired files: written before live moves,
// removed when nothing is retired any more, left alone where that is not
// possible.
func TestRetiredTag(t *testing.T) {
	t.Parallel()
	for name, quirks := range map[string]registrytest.Quirks{
		"a registry that deletes tags":    {},
		"a registry that keeps every tag": {NoTagDelete: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := openRegistry(t, quirks)
			w.release(w.demo("1.0"))
			if at := w.at("3.4-cpu-ubi9.retired"); at != "" {
				t.Errorf("nothing is retired, yet the tag is at %s", at)
			}
			o := w.options(w.demo("2.0"))
			o.Base = publish.BaseNone
			w.publishWith(o)
			p := w.promote()
			if p.Retired == nil || w.at("3.4-cpu-ubi9.retired") != p.Retired.Digest {
				t.Fatal("a file is retired, but there is no index of it")
			}
			was := w.at("3.4-cpu-ubi9.retired")
			d := w.release(w.demo("1.0"))
			if at := w.at("3.4-cpu-ubi9.retired"); quirks.NoTagDelete && at != was || !quirks.NoTagDelete && at != "" {
				t.Errorf("nothing is retired any more, and the tag is at %q", at)
			}
			w.wantLive(d)
		})
	}
}
