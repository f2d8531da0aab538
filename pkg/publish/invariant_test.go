package publish_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// invariants fails unless the repository holds together: what each tag leads to
// is whole, a revision's tag has the serial of the revision, the head verifies
// as readers do it, and what it says was live is there.
func (w *world) invariants() {
	w.Helper()
	seen := map[digest.Digest]bool{}
	for _, tag := range w.tags() {
		desc, err := w.store.Resolve(w.Context(), tag)
		if err != nil {
			w.Errorf("tag %s: %v", tag, err)
			continue
		}
		if err := w.whole(desc, seen); err != nil {
			w.Errorf("tag %s leads to what is not whole: %v", tag, err)
		}
		if rest, ok := strings.CutPrefix(tag, "rev.3.4-cpu-ubi9."); ok && !strings.HasPrefix(rest, "head.") {
			if c := w.catalog(tag); fmt.Sprint(c.Serial) != rest {
				w.Errorf("tag %s holds revision %d", tag, c.Serial)
			}
		}
	}
	w.readersAreServed()
}

// whole follows what a manifest or index names.
func (w *world) whole(desc ocispec.Descriptor, seen map[digest.Digest]bool) error {
	if seen[desc.Digest] {
		return nil
	}
	seen[desc.Digest] = true
	if !strings.Contains(desc.MediaType, "+json") || strings.Contains(desc.MediaType, "pinwheel") {
		ok, err := w.store.Exists(w.Context(), desc)
		if err == nil && !ok {
			err = fmt.Errorf("blob %s is missing", desc.Digest)
		}
		return err
	}
	data, err := content.FetchAll(w.Context(), w.store, desc)
	if err != nil {
		return err
	}
	var m struct {
		Config    *ocispec.Descriptor
		Layers    []ocispec.Descriptor
		Manifests []ocispec.Descriptor
	}
	if desc.MediaType == artifact.MediaTypeManifest || desc.MediaType == artifact.MediaTypeIndex {
		if err := json.Unmarshal(data, &m); err != nil {
			return err
		}
	}
	children := append(m.Layers, m.Manifests...)
	if m.Config != nil {
		children = append(children, *m.Config)
	}
	for _, child := range children {
		if err := w.whole(child, seen); err != nil {
			return err
		}
	}
	return nil
}

// readersAreServed follows the head, if there is one, as readers with a memory do.
func (w *world) readersAreServed() {
	w.Helper()
	r, err := w.live()
	var refusal *policy.Refusal
	if errors.As(err, &refusal) && refusal.Code == policy.HeadMissing && w.at("3.4-cpu-ubi9") == "" {
		return
	}
	if err != nil {
		w.Errorf("readers refuse: %v", err)
		return
	}
	_, err = w.reader(w.store, 1).Deep(w.Context(), r)
	// The index of retired files is written before the head, so a promotion that
	// stopped in between leaves that of the next revision. It only keeps content
	// from being collected; readers go by the catalog.
	ahead := w.midway && errors.As(err, &refusal) && refusal.Code == policy.IndexMismatch && strings.Contains(err.Error(), ".retired is sha256:")
	if err != nil && !ahead {
		w.Errorf("deep: %v", err)
	}
	v := &verify.Verifier{Store: w.store, Rules: w.reader(w.store, 1).Rules}
	for _, was := range r.Head.Promotion.Recent {
		if l, err := v.Load(w.Context(), string(was.Revision)); err != nil || l.Catalog.Serial != was.Serial {
			w.Errorf("what was live before, revision %d (%s): %v", was.Serial, was.Revision, err)
		}
	}
}
