package artifact

// Media types of OCI, spelled here so that this package needs no registry code.
const (
	MediaTypeManifest = "application/vnd.oci.image.manifest.v1+json"
	MediaTypeIndex    = "application/vnd.oci.image.index.v1+json"
	MediaTypeEmpty    = "application/vnd.oci.empty.v1+json"
)

// Artifact types: what a manifest is. docs/format.md, "Media types".
const (
	TypeWheel     = "application/vnd.pinwheel.wheel.v1"
	TypeSdist     = "application/vnd.pinwheel.sdist.v1"
	TypeCatalog   = "application/vnd.pinwheel.catalog.v1"
	TypeSignature = "application/vnd.pinwheel.signature.v1"
	TypeHead      = "application/vnd.pinwheel.head.v1"
	TypeRelease   = "application/vnd.pinwheel.release.v1"
	TypeSubset    = "application/vnd.pinwheel.subset.v1"
	TypeFacts     = "application/vnd.pinwheel.facts.v1"
	TypeEvidence  = "application/vnd.pinwheel.evidence.v1"
)

// Media types of layers.
const (
	// The +zip suffix keeps tools that know suffixes from compressing a wheel again.
	MediaTypeWheel       = "application/vnd.pinwheel.wheel.v1+zip"
	MediaTypeSdist       = "application/vnd.pinwheel.sdist.v1"
	MediaTypeMetadata    = "application/vnd.pinwheel.metadata.v1"
	MediaTypeCatalog     = "application/vnd.pinwheel.catalog.v1+json"
	MediaTypeCatalogGzip = "application/vnd.pinwheel.catalog.v1+json+gzip"
	MediaTypeBundle      = "application/vnd.dev.sigstore.bundle.v0.3+json"
	MediaTypeRelease     = "application/vnd.pinwheel.release.v1+json"
	MediaTypeSubset      = "application/vnd.pinwheel.subset.v1+json"
	MediaTypeFacts       = "application/vnd.pinwheel.facts.v1+json+gzip"
	MediaTypeExports     = "application/vnd.pinwheel.exports.v1+json+gzip"
	MediaTypeReport      = "application/vnd.pinwheel.report.v1+json"
)

// Limits of format version 1, in bytes unless the name says otherwise.
const (
	MaxManifest     = 64 << 10
	MaxPackManifest = 1 << 20
	MaxBundle       = 1 << 20
	MaxSignatures   = 64
	// MaxFactsLayers keeps a facts manifest below MaxManifest.
	MaxFactsLayers = 300
	MaxEvidence    = 64  // layers of one evidence artifact
	MaxFilename    = 246 // <name>.metadata must fit NAME_MAX (255) of common file systems
	MaxMetadata    = 16 << 20
	MaxRelease     = 1 << 20
	MaxSubset      = 4 << 20
	// MaxInteger is the largest integer RFC 8785 keeps: 2^53-1.
	MaxInteger = 1<<53 - 1
)
