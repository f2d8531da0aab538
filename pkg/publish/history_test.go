package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// history is what the kept heads say, one line an event; verified by the policy
// of the world's reader if asked.
func (w *world) history(verified bool) []string {
	w.Helper()
	o := publish.HistoryOptions{Name: tools, Now: w.now}
	if verified {
		o.Rules = w.reader(w.store, 1).Rules
	}
	h, err := publish.ReadHistory(w.Context(), w.store, o)
	if err != nil {
		w.Fatal(err)
	}
	lines := []string{}
	for _, e := range h.Events {
		from := uint64(0)
		if e.From != nil {
			from = e.From.Serial
		}
		line := fmt.Sprintf("%d %s %d>%d by %s: %s", e.Sequence, e.Effect, from, e.To.Serial, e.By, e.Reason)
		if verified {
			line += fmt.Sprintf(" %v", e.SignedBy)
		}
		if e.Refused != "" {
			line += " refused"
		}
		for _, d := range e.Doubts {
			line += " DOUBT " + d
		}
		for _, x := range e.Withdrawn {
			line += " withdrew " + x.Filename
		}
		lines = append(lines, line)
	}
	for _, p := range h.Problems {
		lines = append(lines, "problem "+p)
	}
	return lines
}

func (w *world) promoteBecause(reason string, signer string) {
	w.Helper()
	o := w.promoteOptions()
	o.Reason, o.Signers = reason, []sign.Signer{w.key(signer)}
	o.Promoters = append(o.Promoters, w.public("promote"))
	if err := w.planPromotion(o).Apply(w.Context(), w.store); err != nil {
		w.Fatal(err)
	}
}

// threePromotions are of revisions 1, 3 and 4.
func threePromotions(t *testing.T) *world {
	w := newWorld(t)
	w.publish(w.demo("1.0"))
	w.promoteBecause("first", "promote")
	w.publish(w.demo("2.0"))
	w.publish(w.demo("3.0"))
	w.promoteBecause("third", "promote")
	w.publish(w.demo("4.0"))
	w.promoteBecause("fourth", "promote")
	return w
}

func TestHistory(t *testing.T) {
	t.Parallel()
	first, third, fourth := "1 past 0>1 by builder: first", "2 past 1>3 by builder: third", "3 live 3>4 by builder: fourth"
	for _, tt := range []struct {
		name     string
		act      func(w *world)
		verified bool
		want     []string
	}{
		{"three promotions", func(*world) {}, false, []string{fourth, third, first}},
		{"verified", func(*world) {}, true, []string{fourth + " [promote]", third + " [promote]", first + " [promote]"}},
		{"a refreshed head is the same promotion", func(w *world) { w.refresh() }, true,
			[]string{fourth + " [promote]", third + " [promote]", first + " [promote]"}},
		{"a kept head is gone: the later ones tell what, not who", func(w *world) { w.untag("rev.3.4-cpu-ubi9.head.2") }, true,
			[]string{fourth + " [promote]", "2 past 0>3 by :  []", first + " [promote]"}},
		{"the kept copy of the present head is gone", func(w *world) { w.untag("rev.3.4-cpu-ubi9.head.3") }, false,
			[]string{fourth, third, first}},
		{"a promotion that was stopped", func(w *world) {
			w.publish(w.demo("5.0"))
			o := w.promoteOptions()
			o.Reason = "stopped"
			p := w.planPromotion(o)
			m := &mortal{Store: w.store}
			if err := p.Apply(w.Context(), m); err != nil {
				w.Fatal(err)
			}
			// What was before, but the kept head.
			w.retag("3.4-cpu-ubi9", "rev.3.4-cpu-ubi9.4")
			w.retag("3.4-cpu-ubi9.head", "rev.3.4-cpu-ubi9.head.3")
		}, true, []string{"4 void 4>5 by builder: stopped [promote]", fourth + " [promote]", third + " [promote]", first + " [promote]"}},
		{"somebody else's head", func(w *world) {
			w.publish(w.demo("5.0"))
			w.promoteBecause("mine now", "stranger")
		}, true, []string{"4 live 4>5 by builder: mine now [] refused", "3 past 3>4 by builder: fourth [promote]", third + " [promote]", first + " [promote]"}},
		{"a kept head under another number", func(w *world) { w.retag("rev.3.4-cpu-ubi9.head.9", "rev.3.4-cpu-ubi9.head.1") }, false,
			[]string{fourth, third, first, "problem tag rev.3.4-cpu-ubi9.head.9: it holds promotion 1 of tools/3.4/cpu-ubi9"}},
		{"a kept head replaced by another", func(w *world) {
			w.publish(w.demo("5.0"))
			w.promoteBecause("fifth", "promote")
			w.retag("3.4-cpu-ubi9.head", "rev.3.4-cpu-ubi9.head.2")
			w.retag("3.4-cpu-ubi9", "rev.3.4-cpu-ubi9.3")
			w.retag("3.4-cpu-ubi9", "rev.3.4-cpu-ubi9.3")
			w.untag("rev.3.4-cpu-ubi9.head.3")
			w.publish(w.demo("6.0"))
			w.promoteBecause("sixth", "promote")
			// The promotion after the second got number 3, of revision 6.
		}, false, []string{
			"4 void 4>5 by builder: fifth DOUBT it says that promotion 3 made revision 4 …", "3 live 3>6 by builder: sixth", third, first}},
		{"something else under the tag", func(w *world) { w.retag("rev.3.4-cpu-ubi9.head.2", "rev.3.4-cpu-ubi9.1") }, false,
			[]string{fourth, "2 past 0>3 by : ", first, "problem tag rev.3.4-cpu-ubi9.head.2: …"}},
		{"a new epoch counts anew", func(w *world) {
			// Where nothing is left of the first numbers they are used again.
			for n := 1; n <= 2; n++ {
				w.untag(tools.HeadHistoryTag(uint64(n)))
			}
			o := w.options(w.demo("5.0"))
			o.Epoch = 2
			w.publishWith(o)
			w.promoteBecause("new epoch", "promote")
		}, false, []string{"1 live 0>5 by builder: new epoch", "3 past 3>4 by builder: fourth", "2 past 0>3 by : ", "1 past 0>1 by : "}},
		{"another index", func(w *world) { w.publishTo(cuda, "1.0"); w.releaseAll("cuda13.0-ubi9") }, false, []string{fourth, third, first}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := threePromotions(t)
			tt.act(w)
			got := w.history(tt.verified)
			for i := range min(len(got), len(tt.want)) {
				if begin, ok := strings.CutSuffix(tt.want[i], "…"); ok && strings.HasPrefix(got[i], begin) {
					got[i] = tt.want[i]
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		})
	}
}

func (w *world) untag(tag string) {
	w.Helper()
	if err := w.store.Untag(w.Context(), tag); err != nil {
		w.Fatal(err)
	}
}

// retag moves tag to where another is.
func (w *world) retag(tag, to string) {
	w.Helper()
	desc, err := w.store.Resolve(w.Context(), to)
	if err != nil {
		w.Fatal(err)
	}
	if err := w.store.Tag(w.Context(), desc, tag); err != nil {
		w.Fatal(err)
	}
}

// TestHistoryWithoutAnswer: what cannot be asked is no history.
func TestHistoryWithoutAnswer(t *testing.T) {
	t.Parallel()
	w := threePromotions(t)
	for _, rules := range []*policy.Index{nil, w.reader(w.store, 1).Rules} {
		_, err := publish.ReadHistory(t.Context(), silent{w.store, rules != nil}, publish.HistoryOptions{Name: tools, Rules: rules, Now: w.now})
		if !errors.Is(err, errSilent) {
			t.Errorf("error %v, want that the store does not answer", err)
		}
	}
}

func TestHistoryOfNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if got := w.history(true); len(got) != 0 {
		t.Errorf("history %q, want none", got)
	}
}

var errSilent = errors.New("no answer")

// silent lists and resolves its tags and answers nothing else, or only what is
// asked for by digest.
type silent struct {
	registry.Store
	digests bool
}

func (s silent) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if s.digests {
		return s.Store.Fetch(ctx, desc)
	}
	return nil, errSilent
}

func (s silent) FetchReference(context.Context, string) (ocispec.Descriptor, io.ReadCloser, error) {
	return ocispec.Descriptor{}, nil, errSilent
}
