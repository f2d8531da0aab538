package publish

import (
	"context"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// wheelSig is a signature on one wheel artifact for other tools: a bundle as
// cosign 3 writes it, in a manifest that refers to the wheel's. It is written
// once in a wheel's life, where the registry can list referrers; elsewhere it
// would need a tag for each wheel, which breaks old mirroring tools.
type wheelSig struct {
	Bundle   Object `json:"bundle"`
	Manifest Object `json:"manifest"`
}

// referrersProber is implemented by stores that may list referrers.
type referrersProber interface {
	HasReferrersAPI(ctx context.Context, existing ocispec.Descriptor) (bool, error)
}

// wireReferrer is the manifest of a bundle, with members in the order of
// RFC 8785.
type wireReferrer struct {
	Annotations   map[string]string `json:"annotations"`
	ArtifactType  string            `json:"artifactType"`
	Config        wireDescriptor    `json:"config"`
	Layers        []wireDescriptor  `json:"layers"`
	MediaType     string            `json:"mediaType"`
	SchemaVersion int               `json:"schemaVersion"`
	Subject       wireDescriptor    `json:"subject"`
}

type wireDescriptor struct {
	Digest    digest.Digest `json:"digest"`
	MediaType string        `json:"mediaType"`
	Size      int64         `json:"size"`
}

func (o Object) wire() wireDescriptor { return wireDescriptor{o.Digest, o.MediaType, o.Size} }

// signWheel signs the artifact of one file.
func signWheel(u *Upload, signer sign.Signer) (*wheelSig, error) {
	subject, err := fileManifest(&u.File)
	if err != nil {
		return nil, err
	}
	statement, err := dsse.NewStatement(sign.CosignPredicateType, "", subject.Digest.Encoded(), struct{}{})
	if err != nil {
		return nil, err
	}
	data, err := sign.Bundle(signer, statement)
	if err != nil {
		return nil, err
	}
	sig := &wheelSig{Bundle: newObject(artifact.MediaTypeBundle, data)}
	manifest, err := strictjson.Marshal(wireReferrer{
		Annotations: map[string]string{
			"dev.sigstore.bundle.content":       "dsse-envelope",
			"dev.sigstore.bundle.predicateType": sign.CosignPredicateType,
		},
		ArtifactType: artifact.MediaTypeBundle, Config: emptyConfig.wire(), Layers: []wireDescriptor{sig.Bundle.wire()},
		MediaType: artifact.MediaTypeManifest, SchemaVersion: 2, Subject: subject.wire(),
	})
	if err != nil {
		return nil, err
	}
	sig.Manifest = newObject(artifact.MediaTypeManifest, manifest)
	return sig, nil
}

// writeWheelSigs stores the signatures of the files just uploaded, if the
// registry can list them again.
func (p *Plan) writeWheelSigs(ctx context.Context, s Store) error {
	prober, ok := s.(referrersProber)
	if !ok || len(p.Uploads) == 0 || p.Uploads[0].Signature == nil {
		return nil
	}
	existing := p.Uploads[0].File.Manifest
	has, err := prober.HasReferrersAPI(ctx, ocispec.Descriptor{MediaType: artifact.MediaTypeManifest, Digest: existing.Digest, Size: existing.Size})
	if err != nil || !has {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(uploadsAtOnce)
	for i := range p.Uploads {
		if sig := p.Uploads[i].Signature; sig != nil {
			g.Go(func() error { return pushArtifact(ctx, s, sig.Manifest, sig.Bundle) })
		}
	}
	return g.Wait()
}
