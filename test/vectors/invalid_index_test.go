package vectors_test

import (
	"slices"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// entries edits the list of an image index.
func entries(f func([]strictjson.Raw) []strictjson.Raw) edit { return layers("manifests", f) }

func without(i int) edit {
	return entries(func(list []strictjson.Raw) []strictjson.Raw { return slices.Delete(list, i, i+1) })
}

func exchanged(i, j int) edit {
	return entries(func(list []strictjson.Raw) []strictjson.Raw {
		list[i], list[j] = list[j], list[i]
		return list
	})
}

// entry replaces text in one entry.
func entry(i int, from, to string) edit {
	return entries(func(list []strictjson.Raw) []strictjson.Raw {
		list[i] = strictjson.Raw(strings.Replace(string(list[i]), from, to, 1))
		return list
	})
}

const extraEntry = `{"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"architecture":"unknown","os":"unknown"},"size":747}`

var shapeOfIndexRows = []row{
	{"full", "json--artifact-type", swap(`{"manifests"`, `{"artifactType":"application/vnd.pinwheel.revision.v1","manifests"`)},
	{"full", "json--annotations", swap(`{"manifests"`, `{"annotations":{"a":"b"},"manifests"`)},
	{"full", "json--artifact-type-of-an-entry", entry(0, `"digest"`, `"artifactType":"application/vnd.pinwheel.wheel.v1","digest"`)},
	{"full", "json--data-of-an-entry", entry(0, `"digest"`, `"data":"e30=","digest"`)},
	{"full", "canonical--line-end", after("\n")},
	{"full", "canonical--no-platform", entry(0, `"platform":{"architecture":"unknown","os":"unknown"},`, ``)},
	{"full", "schema-version--one", swap(`"schemaVersion":2`, `"schemaVersion":1`)},
	{"full", "media-type--docker-list", swap(`application/vnd.oci.image.index.v1+json`, `application/vnd.docker.distribution.manifest.list.v2+json`)},
	{"full", "entry-media-type--nested-index", entry(0, `vnd.oci.image.manifest.v1`, `vnd.oci.image.index.v1`)},
	{"full", "platform--linux", entry(0, `"os":"unknown"`, `"os":"linux"`)},
	{"full", "digest--of-an-entry", entry(0, `"sha256:`, `"sha256:0`)},
	{"full", "size--of-an-entry", entry(0, `"size":`, `"size":-`)},
}

func revisionRows(*world) []row {
	return append(slices.Clone(shapeOfIndexRows), []row{
		{"full", "json--subject", swap(`"schemaVersion":2`, `"schemaVersion":2,"subject":`+extraEntry)},
		{"full", "annotations--title", entry(5, `{"digest"`, `{"annotations":{"org.opencontainers.image.title":"alpha"},"digest"`)},
		{"full", "annotations--two", entry(0, `"catalog"}`, `"catalog","org.opencontainers.image.title":"catalog"}`)},
		{"full", "annotations--empty-role", entry(0, `"catalog"`, `""`)},
		{"full", "duplicate-entry--file", entry(6, `59bed60625c1d3053f94e4872e22311a4b98aa12513ff0687cb87bb660089f8e`, `30e1b719b6b1cd314ffa70fd016194699c62429cfb282b4d08535827d9fa9d8b`)},
		{"full", "roles--signature-first", exchanged(0, 1)},
		{"full", "roles--no-signature", without(1)},
		{"full", "roles--two-catalogs", entry(2, `"facts"`, `"catalog"`)},
		{"full", "roles--two-signatures", entry(2, `"facts"`, `"signature"`)},
		{"full", "roles--unknown", entry(2, `"facts"`, `"sbom"`)},
		{"full", "roles--no-entry", entries(func(list []strictjson.Raw) []strictjson.Raw { return list[:0] })},
		{"full", "build--file-too-much", entries(func(list []strictjson.Raw) []strictjson.Raw {
			return slices.Insert(list, 5, strictjson.Raw(extraEntry))
		})},
		{"full", "build--file-missing", without(7)},
		{"full", "build--order-of-files", exchanged(6, 7)},
		{"full", "build--facts-missing", without(2)},
		{"full", "build--evidence-before-facts", exchanged(2, 3)},
		{"full", "build--order-of-evidence", exchanged(3, 4)},
		{"full", "build--role-of-a-file", entry(5, `{"digest"`, `{"annotations":{"io.github.pinwheel-oci.role":"evidence"},"digest"`)},
		{"full", "build--other-size", entry(5, `"size":797`, `"size":798`)},
	}...)
}

func retiredRows(*world) []row {
	return append(slices.Clone(shapeOfIndexRows), []row{
		{"full", "roles--catalog", entry(0, `{"digest"`, `{"annotations":{"io.github.pinwheel-oci.role":"catalog"},"digest"`)},
		{"full", "roles--no-entry", entries(func(list []strictjson.Raw) []strictjson.Raw { return list[:0] })},
		{"full", "annotations--title", entry(0, `{"digest"`, `{"annotations":{"org.opencontainers.image.title":"alpha"},"digest"`)},
		{"full", "build--file-too-much", entries(func(list []strictjson.Raw) []strictjson.Raw {
			return slices.Insert(list, 0, strictjson.Raw(extraEntry))
		})},
	}...)
}

var releaseRows = []row{
	{"two", "json--unknown-member", swap(`"sequence":2`, `"reason":"x","sequence":2`)},
	{"two", "json--variant-twice", swap(`"cuda13.0-ubi9"`, `"cpu-ubi9"`)},
	{"two", "canonical--order-of-variants", swap(`"cpu-ubi9"`, `"z-ubi9"`)},
	{"two", "format--two", swap(`"format":1`, `"format":2`)},
	{"two", "epoch--zero", swap(`"epoch":1`, `"epoch":0`)},
	{"two", "sequence--zero", swap(`"sequence":2,"series"`, `"sequence":0,"series"`)},
	{"two", "sequence--of-a-head", swap(`"head-sequence":2`, `"head-sequence":0`)},
	{"two", "serial--zero", swap(`"serial":3`, `"serial":0`)},
	{"two", "issued--with-an-offset", swap(`"2026-03-04T08:30:00Z"`, `"2026-03-04T08:30:00+05:30"`)},
	{"two", "name--product", swap(`"product":"tools"`, `"product":"tools/other"`)},
	{"two", "name--series", swap(`"series":"3.4"`, `"series":"3"`)},
	{"two", "name--variant", swap(`"cpu-ubi9"`, `"CPU-ubi9"`)},
	{"two", "digest--revision", first(`"revision":"sha256:`, `"revision":"sha1:`)},
	{"one", "variants--none", cut(`{"cpu-ubi9"`, `}}`).then(swap(`"variants":}}}`, `"variants":{}}`))},
}

var subsetRows = []row{
	{"both", "json--unknown-member", swap(`"newest":1`, `"newest":1,"oldest":1`)},
	{"both", "format--two", swap(`"format":1`, `"format":2`)},
	{"both", "name--no-variant", swap(`"tools/3.4/cpu-ubi9"`, `"tools/3.4"`)},
	{"both", "canonical--newest-is-zero", swap(`"newest":1`, `"newest":0`)},
	{"both", "newest--two-to-the-53", swap(`"newest":1`, `"newest":9007199254740992`)},
	{"newest", "selection--everything", swap(`"newest":1,`, ``)},
	{"both", "selection--platform", swap(`"linux_x86_64"`, `"x86_64"`)},
	{"both", "order--platforms", swap(`"linux_aarch64","linux_x86_64"`, `"linux_x86_64","linux_aarch64"`)},
	{"both", "digest--revision", swap(`"revision":"sha256:`, `"revision":"`)},
}
