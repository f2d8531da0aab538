package sign

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// Media types, annotations and predicate types of cosign's signatures.
const (
	SimpleSigningMediaType = "application/vnd.dev.cosign.simplesigning.v1+json"
	SigArtifactType        = "application/vnd.dev.cosign.artifact.sig.v1+json"
	SignatureAnnotation    = "dev.cosignproject.cosign/signature"
	// CosignPredicateType is what cosign 3 signs a manifest with when it
	// writes a bundle: the predicate is {} and the subject the manifest.
	CosignPredicateType = "https://sigstore.dev/cosign/sign/v1"
)

// Limits of a .sig manifest, the first as in cosign.
const (
	MaxSigLayers       = 1000
	MaxSigManifestSize = 4 << 20
)

const simpleSigningType = "cosign container image signature"

// SimpleSigning is the payload of a .sig layer: Reference is the identity that
// the manifest Digest claims, Optional free claims. The format is
// containers-signature(5)'s; readers of containers/image refuse unknown members
// outside optional and want there a string "creator" and a number "timestamp".
type SimpleSigning struct {
	Reference string
	Digest    digest.Digest
	Optional  map[string]string
}

// Encode gives the bytes to sign (RFC 8785, which is what cosign writes too).
//
// The reference must be complete, registry/repository:tag: cosign itself
// accepts a bare repository, and containers/image then refuses the signature
// under its default rule and under remapIdentity.
func (s SimpleSigning) Encode() ([]byte, error) {
	if err := s.Digest.Validate(); err != nil || s.Digest.Algorithm() != digest.SHA256 {
		return nil, fmt.Errorf("simple signing: %q is not a sha256 digest", s.Digest)
	}
	if err := checkIdentity(s.Reference); err != nil {
		return nil, err
	}
	if _, ok := s.Optional["timestamp"]; ok {
		return nil, errors.New("simple signing: the optional claim \"timestamp\" must be a number and is not supported")
	}
	optional := s.Optional
	if optional == nil {
		optional = map[string]string{}
	}
	data, err := strictjson.Marshal(map[string]any{
		"critical": map[string]any{
			"identity": map[string]string{"docker-reference": s.Reference},
			"image":    map[string]string{"docker-manifest-digest": s.Digest.String()},
			"type":     simpleSigningType,
		},
		"optional": optional,
	})
	if err != nil {
		return nil, fmt.Errorf("simple signing: %w", err)
	}
	return data, nil
}

func checkIdentity(identity string) error {
	ref, err := registry.ParseReference(identity)
	if err != nil {
		return fmt.Errorf("identity %q: want registry/repository:tag: %w", identity, err)
	}
	// The parser drops a tag that stands before a digest; comparing shows it.
	if ref.ValidateReferenceAsTag() != nil || ref.String() != identity {
		return fmt.Errorf("identity %q: want registry/repository:tag, with a tag and no digest", identity)
	}
	// Docker's rule: without a dot or a port the first part is no host, and
	// readers would look for it on another registry.
	if ref.Registry != "localhost" && !strings.ContainsAny(ref.Registry, ".:") {
		return fmt.Errorf("identity %q: %q is not a registry host name", identity, ref.Registry)
	}
	return nil
}

// SigLayer is one signature of a .sig manifest: the blob to store and the
// layer's descriptor, with the signature in an annotation.
type SigLayer struct {
	Payload    []byte
	Descriptor ocispec.Descriptor
	Key        dsse.PublicKey
}

// SigLayers signs the manifest with that digest once for every identity
// (registry/repository:tag), in the order given.
//
// ECDSA and Ed25519 (pure, RFC 8032) signatures both verify with cosign 2.6.5
// and with containers/image 5.39 under a policy.json (sigstoreSigned, keyPath).
// Debian builds skopeo and podman without such verification.
func SigLayers(s Signer, manifest digest.Digest, identities []string) ([]SigLayer, error) {
	if len(identities) == 0 {
		return nil, fmt.Errorf("sign %s: no identity given", manifest)
	}
	layers := make([]SigLayer, 0, len(identities))
	for _, identity := range identities {
		payload, err := SimpleSigning{Reference: identity, Digest: manifest}.Encode()
		if err != nil {
			return nil, fmt.Errorf("sign %s: %w", manifest, err)
		}
		sig, err := signChecked(s, payload)
		if err != nil {
			return nil, fmt.Errorf("sign %s: %w", manifest, err)
		}
		layers = append(layers, SigLayer{
			Payload: payload,
			Key:     s.Public(),
			Descriptor: ocispec.Descriptor{
				MediaType:   SimpleSigningMediaType,
				Digest:      digest.FromBytes(payload),
				Size:        int64(len(payload)),
				Annotations: map[string]string{SignatureAnnotation: base64.StdEncoding.EncodeToString(sig)},
			},
		})
	}
	return layers, nil
}

// SigManifest makes the manifest to store under [SigTag] of subject: the layers
// already there (see [ParseSigManifest]), each kept as it is unless one of added
// is the same payload signed by the same key, then those added. It is an OCI 1.1
// image manifest with the empty config, whose blob is "{}", and with subject set,
// so that tools which follow referrers carry it as well. Of subject only media
// type, digest and size are used.
//
// The same layers give the same bytes (RFC 8785).
func SigManifest(existing []ocispec.Descriptor, added []SigLayer, subject ocispec.Descriptor) ([]byte, error) {
	var layers []ocispec.Descriptor
	for _, old := range existing {
		if !replaced(old, added) {
			layers = append(layers, old)
		}
	}
	for i, l := range added {
		if !replaced(l.Descriptor, added[i+1:]) {
			layers = append(layers, l.Descriptor)
		}
	}
	if n := len(layers); n == 0 || n > MaxSigLayers {
		return nil, fmt.Errorf("signature manifest of %s: %d layers, want 1 to %d", subject.Digest, n, MaxSigLayers)
	}
	data, err := strictjson.Marshal(ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: SigArtifactType,
		Config:       EmptyConfig(),
		Layers:       layers,
		Subject:      &ocispec.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
	})
	if err != nil {
		return nil, fmt.Errorf("signature manifest of %s: %w", subject.Digest, err)
	}
	return data, nil
}

// replaced reports whether one of added signs the same payload by the key that
// made old's signature. Keys are told apart by verifying, since a layer does not
// say whose it is.
func replaced(old ocispec.Descriptor, added []SigLayer) bool {
	sig, err := base64.StdEncoding.DecodeString(old.Annotations[SignatureAnnotation])
	if err != nil || old.MediaType != SimpleSigningMediaType {
		return false
	}
	for _, l := range added {
		if l.Descriptor.Digest == old.Digest && l.Key.Verify(l.Payload, sig) == nil {
			return true
		}
	}
	return false
}

// ParseSigManifest returns the layers of a .sig manifest, as cosign or this
// package wrote it, of at most [MaxSigManifestSize] bytes. What is found under
// the tag but is not a signature manifest is an error: better none written than
// a stranger's replaced.
func ParseSigManifest(data []byte) ([]ocispec.Descriptor, error) {
	if len(data) > MaxSigManifestSize {
		return nil, fmt.Errorf("signature manifest: %d bytes, more than the limit of %d", len(data), MaxSigManifestSize)
	}
	var m ocispec.Manifest
	if err := strictjson.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("signature manifest: %w", err)
	}
	if m.MediaType != "" && m.MediaType != ocispec.MediaTypeImageManifest {
		return nil, fmt.Errorf("signature manifest: media type is %.80q, want %q", m.MediaType, ocispec.MediaTypeImageManifest)
	}
	if len(m.Layers) > MaxSigLayers {
		return nil, fmt.Errorf("signature manifest: %d layers, more than the limit of %d", len(m.Layers), MaxSigLayers)
	}
	for i, l := range m.Layers {
		if l.MediaType != SimpleSigningMediaType || l.Digest.Validate() != nil {
			return nil, fmt.Errorf("signature manifest: layer %d of media type %.80q is not a cosign signature", i, l.MediaType)
		}
	}
	return m.Layers, nil
}

// SigTag is the tag where cosign and containers/image look for the signatures
// of a manifest: sha256-<hex>.sig.
func SigTag(manifest digest.Digest) string {
	return strings.Replace(manifest.String(), ":", "-", 1) + ".sig"
}

// EmptyConfig is the descriptor of the OCI empty config, whose blob is "{}".
func EmptyConfig() ocispec.Descriptor {
	d := ocispec.DescriptorEmptyJSON
	d.Data = nil // readers of ours refuse data in descriptors
	return d
}
