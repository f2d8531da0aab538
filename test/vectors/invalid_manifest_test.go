package vectors_test

import (
	"regexp"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

var sizeMember = regexp.MustCompile(`"size":[0-9]+`)

// resized changes the size of the first layer.
func resized(size string) edit {
	return layers("layers", func(list []strictjson.Raw) []strictjson.Raw {
		list[0] = sizeMember.ReplaceAll(list[0], []byte(`"size":`+size))
		return list
	})
}

// Every manifest has the same shape, so the rules of the shape are shown on
// wheels, and those of layers on each kind.
var wheelRows = []row{
	{"single", "json--empty", whole("")},
	{"single", "json--not-an-object", whole("[]")},
	{"single", "json--trailing-value", after("{}")},
	{"single", "json--duplicate-member", swap(`"schemaVersion":2`, `"schemaVersion":2,"schemaVersion":2`)},
	{"single", "json--member-in-other-case", swap(`"schemaVersion"`, `"schemaversion"`)},
	{"single", "json--invalid-utf-8", swap(`vnd.oci.image.manifest`, "vnd.oci.\xff.manifest")},
	{"single", "json--subject", swap(`"schemaVersion":2`, `"schemaVersion":2,"subject":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","mediaType":"application/vnd.oci.image.manifest.v1+json","size":2}`)},
	{"single", "json--annotations-of-the-manifest", swap(`{"artifactType"`, `{"annotations":{"org.opencontainers.image.created":"2026-03-01T09:30:00Z"},"artifactType"`)},
	{"single", "json--urls", swap(`"size":2}`, `"size":2,"urls":["https://registry.example/file"]}`)},
	{"single", "json--data", swap(`"config":{`, `"config":{"data":"e30=",`)},
	{"single", "json--size-is-a-string", swap(`"size":2}`, `"size":"2"}`)},
	{"single", "json--size-is-a-fraction", swap(`"size":2}`, `"size":2.5}`)},
	{"single", "json--size-beyond-64-bits", swap(`"size":2}`, `"size":18446744073709551617}`)},
	{"single", "canonical--space", swap(`"schemaVersion":2`, `"schemaVersion": 2`)},
	{"single", "canonical--line-end", after("\n")},
	{"single", "canonical--order-of-members", swap(`,"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}`, `,"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}`)},
	{"single", "canonical--escaped-letter", swap(`image.manifest.v1+json`, `image.m\u0061nifest.v1+json`)},
	{"single", "canonical--missing-member", swap(`,"schemaVersion":2`, ``)},
	{"single", "canonical--null", swap(`"schemaVersion":2`, `"schemaVersion":null`)},
	{"single", "canonical--empty-annotations", swap(`"config":{`, `"config":{"annotations":{},`)},
	{"single", "schema-version--three", swap(`"schemaVersion":2`, `"schemaVersion":3`)},
	{"single", "media-type--docker", swap(`application/vnd.oci.image.manifest.v1+json`, `application/vnd.docker.distribution.manifest.v2+json`)},
	{"single", "artifact-type--sdist", swap(`pinwheel.wheel.v1",`, `pinwheel.sdist.v1",`)},
	{"single", "artifact-type--none", swap(`"application/vnd.pinwheel.wheel.v1"`, `""`)},
	{"single", "config--image", swap(`application/vnd.oci.empty.v1+json`, `application/vnd.oci.image.config.v1+json`)},
	{"single", "config--other-digest", swap(`sha256:44136fa3`, `sha256:54136fa3`)},
	{"single", "config--other-size", swap(`"size":2}`, `"size":3}`)},
	{"single", "config--annotations", swap(`"config":{`, `"config":{"annotations":{"a":"b"},`)},
	{"single", "annotations--of-a-layer", swap(`any.whl"},`, `any.whl","quay.expires-after":"1d"},`)},
	{"single", "annotations--other-than-a-title", swap(`"org.opencontainers.image.title":"alpha-1.0-py3-none-any.whl"`, `"org.opencontainers.image.name":"alpha-1.0-py3-none-any.whl"`)},
	{"single", "annotations--empty-title", swap(`"alpha-1.0-py3-none-any.whl"`, `""`)},
	{"single", "digest--sha512", swap(`"sha256:aaa9`, `"sha512:aaa9`)},
	{"single", "digest--upper-case", swap(`"sha256:aaa9`, `"sha256:AAA9`)},
	{"single", "digest--short", swap(`"sha256:aaa9`, `"sha256:aa9`)},
	{"single", "digest--no-algorithm", swap(`"sha256:aaa9`, `"aaa9`)},
	{"single", "size--zero", swap(`"size":35}`, `"size":0}`)},
	{"single", "size--negative", swap(`"size":35}`, `"size":-35}`)},
	{"single", "size--two-to-the-53", swap(`"size":35}`, `"size":9007199254740992}`)},
	{"single", "size--metadata-over-16-mib", swap(`"size":38}`, `"size":16777217}`)},
	{"single", "layer-count--none", total(0)},
	{"single", "layer-type--image-layer", swap(`application/vnd.pinwheel.wheel.v1+zip`, `application/vnd.oci.image.layer.v1.tar`)},
	{"single", "layer-type--bundle", swap(`application/vnd.pinwheel.metadata.v1`, `application/vnd.dev.sigstore.bundle.v0.3+json`)},
	{"single", "metadata-layer--none", total(1)},
	{"single", "metadata-layer--of-another-file", swap(`"alpha-1.0-py3-none-any.whl.metadata"`, `"alpha-1.1-py3-none-any.whl.metadata"`)},
	{"single", "metadata-layer--plain-name", swap(`"alpha-1.0-py3-none-any.whl.metadata"`, `"METADATA"`)},
	{"single", "filename--sdist", swap(`"alpha-1.0-py3-none-any.whl"`, `"alpha-1.0.tar.gz"`)},
	{"single", "filename--path", swap(`"alpha-1.0-py3-none-any.whl"`, `"../alpha-1.0-py3-none-any.whl"`)},
	{"single", "filename--slash", swap(`"alpha-1.0-py3-none-any.whl"`, `"dist/alpha-1.0-py3-none-any.whl"`)},
	{"single", "filename--backslash", swap(`"alpha-1.0-py3-none-any.whl"`, `"dist\\alpha-1.0-py3-none-any.whl"`)},
	{"single", "filename--line-end", swap(`"alpha-1.0-py3-none-any.whl"`, `"alpha-1.0-py3-none-any\n.whl"`)},
	{"single", "filename--not-ascii", swap(`"alpha-1.0-py3-none-any.whl"`, `"älpha-1.0-py3-none-any.whl"`)},
	{"longest-name", "filename--too-long", first(`"xxx`, `"xxxx`)},
	{"pack", "order--files", layers("layers", func(list []strictjson.Raw) []strictjson.Raw { return append(list[2:], list[:2]...) })},
	{"pack", "order--file-twice", layers("layers", func(list []strictjson.Raw) []strictjson.Raw { return append(list, list[2:]...) })},
	{"pack", "metadata-layer--exchanged", exchange(`"gamma-1.0-cp311-cp311-linux_x86_64.whl.metadata"`, `"gamma-1.0-cp312-cp312-linux_x86_64.whl.metadata"`)},
}

var sdistRows = []row{
	{"with-metadata", "artifact-type--wheel", swap(`"artifactType":"application/vnd.pinwheel.sdist.v1"`, `"artifactType":"application/vnd.pinwheel.wheel.v1"`)},
	{"with-metadata", "layer-type--wheel", last(`application/vnd.pinwheel.sdist.v1`, `application/vnd.pinwheel.wheel.v1+zip`)},
	{"with-metadata", "filename--wheel", swap(`"alpha-1.0.tar.gz"`, `"alpha-1.0-py3-none-any.whl"`)},
	{"with-metadata", "filename--other-archive", swap(`"alpha-1.0.tar.gz"`, `"alpha-1.0.tar.bz2"`)},
	{"with-metadata", "pack--two-sdists", swap(`,"mediaType":"application/vnd.pinwheel.metadata.v1"`, `,"mediaType":"application/vnd.pinwheel.sdist.v1"`).then(swap(`"alpha-1.0.tar.gz.metadata"`, `"alpha-1.1.tar.gz"`))},
	{"without-metadata", "layer-count--none", total(0)},
	{"with-metadata", "metadata-layer--before-the-file", reversed("layers")},
}

var catalogManifestRows = []row{
	{"first", "artifact-type--unknown", swap(`"artifactType":"application/vnd.pinwheel.catalog.v1"`, `"artifactType":"application/vnd.pinwheel.catalog.v2"`)},
	{"first", "layer-type--zstd", swap(`application/vnd.pinwheel.catalog.v1+json`, `application/vnd.pinwheel.catalog.v1+json+zstd`)},
	{"first", "layer-count--two", total(2)},
	{"first", "layer-count--none", total(0)},
	{"first", "annotations--title", swap(`"layers":[{`, `"layers":[{"annotations":{"org.opencontainers.image.title":"catalog.json"},`)},
	{"first", "json--annotations-of-the-manifest", swap(`{"artifactType"`, `{"annotations":{"a":"b"},"artifactType"`)},
	{"first", "too-large--spaces", after(strings.Repeat(" ", 64<<10))},
}

var signatureRows = []row{
	{"first", "artifact-type--head", swap(`pinwheel.signature.v1`, `pinwheel.head.v1`)},
	{"first", "layer-type--simple-signing", swap(`application/vnd.dev.sigstore.bundle.v0.3+json`, `application/vnd.dev.cosign.simplesigning.v1+json`)},
	{"first", "layer-count--none", total(0)},
	{"first", "layer-count--sixty-five", total(65)},
	{"first", "annotations--title", swap(`"layers":[{`, `"layers":[{"annotations":{"org.opencontainers.image.title":"bundle.json"},`)},
	{"first", "size--over-one-mib", resized("1048577")},
}

var headRows = []row{
	{"first", "artifact-type--release", swap(`pinwheel.head.v1`, `pinwheel.release.v1`)},
	{"first", "layer-count--one", total(1)},
	{"first", "layer-count--sixty-six", total(66)},
	{"first", "layer-type--json", last(`application/vnd.dev.sigstore.bundle.v0.3+json`, `application/json`)},
	{"first", "annotations--title", swap(`"layers":[{`, `"layers":[{"annotations":{"org.opencontainers.image.title":"head"},`)},
	{"first", "json--subject", swap(`"schemaVersion":2`, `"schemaVersion":2,"subject":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","mediaType":"application/vnd.oci.image.index.v1+json","size":2}`)},
}

var releaseManifestRows = []row{
	{"one", "layer-count--no-signature", total(1)},
	{"one", "layer-count--sixty-six", total(66)},
	{"one", "layer-type--signature-first", exchange(`application/vnd.pinwheel.release.v1+json`, `application/vnd.dev.sigstore.bundle.v0.3+json`)},
	{"two", "layer-type--two-releases", last(`application/vnd.dev.sigstore.bundle.v0.3+json`, `application/vnd.pinwheel.release.v1+json`)},
	{"one", "artifact-type--subset", swap(`pinwheel.release.v1",`, `pinwheel.subset.v1",`)},
}

var subsetManifestRows = []row{
	{"both", "layer-count--two", total(2)},
	{"both", "layer-type--bundle", swap(`application/vnd.pinwheel.subset.v1+json`, `application/vnd.dev.sigstore.bundle.v0.3+json`)},
	{"both", "artifact-type--head", swap(`pinwheel.subset.v1",`, `pinwheel.head.v1",`)},
}
