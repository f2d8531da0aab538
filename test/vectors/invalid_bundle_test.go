package vectors_test

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
)

// invalidGzip derives from the stored catalog of "full".
func (w *world) invalidGzip() {
	valid := w.files["catalog-gzip/valid/full.json.gz"]
	flipped := []byte(strings.Replace(string(valid), `"serial":3`, `"serial":4`, 1))
	for name, data := range map[string][]byte{
		"gzip--trailing-data": append(valid[:len(valid):len(valid)], 0),
		"gzip--two-members":   append(valid[:len(valid):len(valid)], valid...),
		"gzip--truncated":     valid[:len(valid)-1],
		"gzip--checksum":      flipped,
		"gzip--plain":         w.files["catalog/valid/full.json"],
		"gzip--empty":         {},
	} {
		w.put("catalog-gzip/invalid/"+name+".json.gz", data)
	}
}

// bundleRows derive from the bundle of the second promotion by the Ed25519 key.
var bundleRows = []row{
	{"", "bundle--not-json", whole("bundle")},
	{"", "bundle--media-type", swap(`bundle.v0.3+json`, `bundle.v0.2+json`)},
	{"", "bundle--unknown-member", swap(`{"dsseEnvelope"`, `{"comment":"x","dsseEnvelope"`)},
	{"", "bundle--no-signature", cut(`{"sig":`, `]`)},
	{"", "bundle--two-signatures", times(2, `{"sig":`)},
	{"", "bundle--empty-signature", swap(`{"sig":"`, `{"sig":"","keyid":"`)},
	{"", "bundle--payload-type", swap(`application/vnd.in-toto+json`, `application/json`)},
	{"", "bundle--payload-not-base64", swap(`"payload":"`, `"payload":"!`)},
	{"", "bundle--message-signature", swap(`"mediaType"`, `"messageSignature":{"signature":"AAAA"},"mediaType"`)},
	{"", "bundle--certificate", swap(`"publicKey"`, `"certificate":{"rawBytes":"AAAA"},"publicKey"`)},
	{"", "bundle--no-key", swap(`"verificationMaterial":{`, `"verificationMaterial":{"tlogEntries":[]},"x":{`).then(cut(`,"x":`, `}}`)).then(swap(`]}}}`, `]}}`))},
	{"", "no-match--signature-changed", swap(`{"sig":"`, `{"sig":"AAAA`)},
}

var subjectOfAnother = regexp.MustCompile(`("subject":\[\{"digest":\{"sha256":")[0-9a-f]{64}`)

func (w *world) invalidBundles() {
	t := w.t.(*testing.T)
	valid := string(w.files["bundles/valid/promotion-full-ed25519.json"])
	payload := string(w.files["statements/promotion/valid/full.json"])
	for _, r := range bundleRows {
		t.Run("bundles/"+r.name, func(t *testing.T) {
			w.put("bundles/invalid/"+r.name+".json", []byte(r.edit(t, valid)))
		})
	}
	changed := strings.Replace(payload, `"serial":3`, `"serial":4`, 1)
	encode := base64.StdEncoding.EncodeToString
	w.put("bundles/invalid/no-match--payload-changed.json", []byte(strings.Replace(valid, encode([]byte(payload)), encode([]byte(changed)), 1)))
	w.put("bundles/invalid/no-match--by-a-stranger.json", w.signed("stranger", payload))
	// The hint names a known key; it is covered by no signature.
	hints := strings.NewReplacer(w.keys["stranger"].Public().Hint(), w.keys["ed25519"].Public().Hint())
	w.put("bundles/invalid/no-match--by-a-stranger-with-a-known-hint.json", []byte(hints.Replace(string(w.signed("stranger", payload)))))
	for name, p := range map[string]string{
		"statement--not-canonical":     payload + "\n",
		"statement--not-json":          "live",
		"predicate-type--freshness":    string(w.files["statements/freshness/valid/full.json"]),
		"predicate-type--of-a-cosign":  strings.Replace(payload, "https://github.com/pinwheel-oci/pinwheel/predicate/promotion/v1", "https://sigstore.dev/cosign/sign/v1", 1),
		"subject--of-another-revision": subjectOfAnother.ReplaceAllString(payload, `${1}`+strings.Repeat("1", 64)),
	} {
		w.put("bundles/invalid/"+name+".json", w.signed("ed25519", p))
	}
}

// signed is a bundle with a good signature over any payload.
func (w *world) signed(signer, payload string) []byte {
	s := w.keys[signer]
	e := dsse.Envelope{PayloadType: dsse.PayloadType, Payload: []byte(payload)}
	e.Signatures = []dsse.Signature{{Sig: must(s.Sign(dsse.PAE(dsse.PayloadType, e.Payload)))(w.t)}}
	return must(dsse.EncodeBundle(e, s.Public().Hint()))(w.t)
}
