package publish_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
)

// TestReleaseKeyCannotLaunderAHead: a head by the release key alone is not built
// upon, or the next promotion would sign what it says was live.
func TestReleaseKeyCannotLaunderAHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(w.demo("1.0"))

	// The thief has the release key and may write to the registry.
	w.publish(w.demo("6.6.6"))
	o := w.promoteOptions()
	o.Signers, o.Promoters = []sign.Signer{w.key("release")}, append(o.Promoters, w.public("promote"))
	if err := w.planPromotion(o).Apply(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}

	w.publish(w.demo("2.0"))
	_, err := publish.NewPromotion(t.Context(), w.store, w.promoteOptions())
	if err == nil || !strings.Contains(err.Error(), "cannot be built upon") {
		t.Errorf("the promoter builds upon a head by the release key: %v", err)
	}
}

// TestPromoteAgainWithOtherKeys signs what is live anew, for a new key or a
// threshold, and does nothing when the signatures are there already.
func TestPromoteAgainWithOtherKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.release(w.demo("1.0"))
	if _, err := publish.NewPromotion(t.Context(), w.store, w.promoteOptions()); !errors.Is(err, publish.ErrAlreadyLive) {
		t.Errorf("with the same key: %v, want ErrAlreadyLive", err)
	}
	o := w.promoteOptions()
	o.Signers = append(o.Signers, w.key("second"))
	p := w.planPromotion(o)
	if err := p.Apply(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	if p.Sequence != 2 || p.Revision.Digest != d || len(p.Head.Bundles) != 3 {
		t.Errorf("sequence %d of %s with %d bundles, want 2 of %s with 3", p.Sequence, p.Revision.Digest, len(p.Head.Bundles), d)
	}
	w.wantLive(d)
	if _, err := publish.NewPromotion(t.Context(), w.store, o); !errors.Is(err, publish.ErrAlreadyLive) {
		t.Errorf("with both keys again: %v, want ErrAlreadyLive", err)
	}
}

// TestLateWriterDoesNotTakeTheTag: somebody's PUT of another revision of the same
// serial arrives after ours was read back. What goes live keeps its tag.
func TestLateWriterDoesNotTakeTheTag(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.publish(w.demo("1.0")).Revision.Digest
	p := w.planPromotion(w.promoteOptions())
	late := w.publish(w.demo("2.0")).Revision.Digest
	desc, err := w.store.Resolve(t.Context(), late.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.Tag(t.Context(), desc, "rev.3.4-cpu-ubi9.1"); err != nil {
		t.Fatal(err)
	}
	w.alias(first.String(), "test.3.4-cpu-ubi9") // the late writer only lost that race
	if err := p.Apply(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	if got := w.at("rev.3.4-cpu-ubi9.1"); got != first {
		t.Errorf("the tag of revision 1 is at %s, live is %s", got, first)
	}
}
