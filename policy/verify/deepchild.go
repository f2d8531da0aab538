package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// maxChildLayer bounds a layer of facts or evidence that is read whole.
const maxChildLayer = 256 << 20

// deepChild opens facts or evidence: the manifest, and every layer of the types
// that version 1 knows. Artifacts of other types are only fetched.
func (v *Verifier) deepChild(ctx context.Context, b artifact.Blob, artifactType string) ([]artifact.Layer, error) {
	data, err := v.fetchBlob(ctx, deepStep, policy.RevisionMissing, artifact.MediaTypeManifest, b, artifact.MaxPackManifest)
	if err != nil {
		return nil, err
	}
	m, err := artifact.Decode(data, artifactType)
	if err != nil {
		return nil, nil // of another writer: docs/format.md lets it be anything
	}
	for _, l := range m.Layers {
		if _, err := v.fetchBlob(ctx, deepStep, policy.RevisionMissing, l.MediaType, l.Blob, maxChildLayer); err != nil {
			return nil, fmt.Errorf("layer %s: %w", l.Digest, err)
		}
	}
	return m.Layers, nil
}

// deepEvidence opens all evidence; the report that the catalog names must be in
// it.
func (v *Verifier) deepEvidence(ctx context.Context, r *Revision) error {
	var reports []artifact.Blob
	for _, b := range r.Catalog.Evidence {
		layers, err := v.deepChild(ctx, b, artifact.TypeEvidence)
		if err != nil {
			return fmt.Errorf("%s: %w", b.Digest, err)
		}
		for _, l := range layers {
			reports = append(reports, l.Blob)
		}
	}
	g := r.Catalog.Gates
	if g != nil && g.Report != nil && !slices.Contains(reports, *g.Report) {
		return policy.Refuse(deepStep, policy.IndexMismatch, "the report of the gates, %s, is in none of it", g.Report.Digest)
	}
	return nil
}
