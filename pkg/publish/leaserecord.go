package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// typeLease is the artifact type of a lease. It is nobody's business but that of
// writers, so it has no place among the artifacts of the format.
const typeLease = "application/vnd.pinwheel.lease.v1"

// leaseRecord is who writes to an index, as the lease says it.
type leaseRecord struct {
	Writer string
	Since  time.Time
	Until  time.Time
}

// wireLease is the manifest of a lease, with members in the order of RFC 8785. It
// says all in its annotations: one small write.
type wireLease struct {
	Annotations   wireLeaseNote    `json:"annotations"`
	ArtifactType  string           `json:"artifactType"`
	Config        wireDescriptor   `json:"config"`
	Layers        []wireDescriptor `json:"layers"`
	MediaType     string           `json:"mediaType"`
	SchemaVersion int              `json:"schemaVersion"`
}

type wireLeaseNote struct {
	Since  time.Time `json:"io.github.pinwheel-oci.lease.since"`
	Until  time.Time `json:"io.github.pinwheel-oci.lease.until"`
	Writer string    `json:"io.github.pinwheel-oci.lease.writer"`
}

func (r leaseRecord) manifest() (Object, error) {
	data, err := strictjson.Marshal(wireLease{
		Annotations:  wireLeaseNote{Since: r.Since.UTC(), Until: r.Until.UTC(), Writer: r.Writer},
		ArtifactType: typeLease, Config: emptyConfig.wire(), Layers: []wireDescriptor{emptyConfig.wire()},
		MediaType: artifact.MediaTypeManifest, SchemaVersion: 2,
	})
	if err != nil {
		return Object{}, err
	}
	return newObject(artifact.MediaTypeManifest, data), nil
}

// readLease is what the tag says, or nil if there is none.
func readLease(ctx context.Context, s Store, tag string) (*leaseRecord, error) {
	desc, err := s.Resolve(ctx, tag)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := fetchAll(ctx, s, desc, artifact.MaxManifest)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, nil // it was just given back
	}
	if err != nil {
		return nil, err
	}
	var w wireLease
	if err := strictjson.Unmarshal(data, &w); err != nil || w.ArtifactType != typeLease {
		return nil, fmt.Errorf("tag %s holds no lease that this version understands; if nobody writes to the index, remove the tag", tag)
	}
	return &leaseRecord{Writer: w.Annotations.Writer, Since: w.Annotations.Since, Until: w.Annotations.Until}, nil
}
