package dsse_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
	"github.com/pinwheel-oci/pinwheel/test/signtest"
)

// newBundle is the statement of newStatement signed by the test key "release".
func newBundle(t testing.TB) ([]byte, dsse.PublicKey) {
	t.Helper()
	signer, public, _, _ := signtest.Key(t, "release")
	data, err := sign.Bundle(signer, newStatement(t))
	if err != nil {
		t.Fatal(err)
	}
	return data, public
}

// change is the bundle decoded to plain JSON, changed and encoded again.
func change(t testing.TB, data []byte, f func(bundle, envelope, material map[string]any)) []byte {
	t.Helper()
	var b map[string]any
	if err := json.Unmarshal(data, &b); err != nil {
		t.Fatal(err)
	}
	f(b, b["dsseEnvelope"].(map[string]any), b["verificationMaterial"].(map[string]any))
	data, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPAE(t *testing.T) {
	t.Parallel()
	// The example of the DSSE protocol page.
	got := string(dsse.PAE("http://example.com/HelloWorld", []byte("hello world")))
	if want := "DSSEv1 29 http://example.com/HelloWorld 11 hello world"; got != want {
		t.Errorf("PAE is %q, want %q", got, want)
	}
	// Lengths are of bytes and keep the parts apart.
	if a, b := dsse.PAE("é", []byte("x")), dsse.PAE("e", []byte("x")); !bytes.HasPrefix(a, []byte("DSSEv1 2 é 1 x")) || bytes.Equal(a, b) {
		t.Errorf("PAE is %q", a)
	}
}

func TestVerifyBundle(t *testing.T) {
	t.Parallel()
	data, key := newBundle(t)
	_, other, _, _ := signtest.ECDSA(t, "other")
	b, err := dsse.DecodeBundle(data)
	if err != nil {
		t.Fatal(err)
	}
	if b.Hint != key.Hint() {
		t.Errorf("hint is %q, want %q", b.Hint, key.Hint())
	}
	want := newStatement(t)
	for name, keys := range map[string][]dsse.PublicKey{
		"its key": {key}, "its key second": {other, key}, "its key after the zero key": {{}, key},
	} {
		s, payload, by, err := dsse.VerifyBundle(b, keys)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(&want, s); diff != "" || string(payload) != encoded || by != key {
			t.Errorf("%s: payload %q by key %s, statement (-want +got)\n%s", name, payload, by.KeyID(), diff)
		}
	}
	for name, keys := range map[string][]dsse.PublicKey{"no keys": nil, "another key": {other}, "the zero key": {{}}} {
		s, payload, by, err := dsse.VerifyBundle(b, keys)
		if !errors.Is(err, dsse.ErrNoMatch) || s != nil || payload != nil || by != (dsse.PublicKey{}) {
			t.Errorf("%s: %v, %q, %v, error %v, want ErrNoMatch only", name, s, payload, by, err)
		}
	}
}

// TestHintDecidesNothing: the hint of another key, or none, changes nothing.
func TestHintDecidesNothing(t *testing.T) {
	t.Parallel()
	data, key := newBundle(t)
	_, other, _, _ := signtest.Key(t, "other")
	for _, hint := range []any{other.Hint(), "", nil, strings.Repeat("x", 10_000)} {
		b, err := dsse.DecodeBundle(change(t, data, func(_, _, m map[string]any) {
			m["publicKey"] = map[string]any{"hint": hint}
		}))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, by, err := dsse.VerifyBundle(b, []dsse.PublicKey{other, key}); err != nil || by != key {
			t.Errorf("hint %.20q: key %s, error %v", hint, by.KeyID(), err)
		}
		if _, _, _, err := dsse.VerifyBundle(b, []dsse.PublicKey{other}); err == nil || len(err.Error()) > 300 {
			t.Errorf("hint %.20q: error %v, want a short one", hint, err)
		}
	}
}

func TestDecodeBundleAccepts(t *testing.T) {
	t.Parallel()
	data, key := newBundle(t)
	for name, f := range map[string]func(b, e, m map[string]any){
		"white space and order":      func(_, _, _ map[string]any) {},
		"empty log entries":          func(_, _, m map[string]any) { m["tlogEntries"] = []any{} },
		"log entries":                func(_, _, m map[string]any) { m["tlogEntries"] = []any{map[string]any{"logIndex": "1"}} },
		"empty timestamps":           func(_, _, m map[string]any) { m["timestampVerificationData"] = map[string]any{} },
		"timestamps are null":        func(_, _, m map[string]any) { m["timestampVerificationData"] = nil },
		"certificate is null":        func(_, _, m map[string]any) { m["certificate"] = nil },
		"old spelling of media type": func(b, _, _ map[string]any) { b["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.3" },
		"any key id": func(_, e, _ map[string]any) {
			e["signatures"].([]any)[0].(map[string]any)["keyid"] = "anything"
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := dsse.DecodeBundle(change(t, data, f))
			if err != nil {
				t.Fatal(err)
			}
			if _, _, _, err := dsse.VerifyBundle(b, []dsse.PublicKey{key}); err != nil {
				t.Error(err)
			}
			// Written again it is ours, byte for byte.
			again, err := dsse.EncodeBundle(b.Envelope, b.Hint)
			if err != nil || !bytes.Equal(again, data) {
				t.Errorf("EncodeBundle gives %s (%v), want %s", again, err, data)
			}
		})
	}
}

func TestDecodeBundleRefuses(t *testing.T) {
	t.Parallel()
	data, _ := newBundle(t)
	sig := func(e map[string]any) map[string]any { return e["signatures"].([]any)[0].(map[string]any) }
	for name, row := range map[string]struct {
		want string
		f    func(b, e, m map[string]any)
	}{
		"bundle v0.2":         {"media type", func(b, _, _ map[string]any) { b["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2" }},
		"no media type":       {"media type", func(b, _, _ map[string]any) { delete(b, "mediaType") }},
		"unknown member":      {"unknown", func(b, _, _ map[string]any) { b["more"] = 1 }},
		"unknown material":    {"unknown", func(_, _, m map[string]any) { m["more"] = 1 }},
		"unknown in envelope": {"unknown", func(_, e, _ map[string]any) { e["more"] = 1 }},
		"no envelope":         {"no dsseEnvelope", func(b, _, _ map[string]any) { delete(b, "dsseEnvelope") }},
		"null envelope":       {"no dsseEnvelope", func(b, _, _ map[string]any) { b["dsseEnvelope"] = nil }},
		"message signature":   {"messageSignature", func(b, _, _ map[string]any) { b["messageSignature"] = map[string]any{} }},
		"certificate":         {"certificate", func(_, _, m map[string]any) { m["certificate"] = map[string]any{"rawBytes": ""} }},
		"certificate chain":   {"certificate", func(_, _, m map[string]any) { m["x509CertificateChain"] = map[string]any{} }},
		"no public key":       {"no verificationMaterial.publicKey", func(_, _, m map[string]any) { delete(m, "publicKey") }},
		"other payload type":  {"payload type", func(_, e, _ map[string]any) { e["payloadType"] = "application/json" }},
		"no payload":          {"no payload", func(_, e, _ map[string]any) { delete(e, "payload") }},
		"no signatures":       {"0 signatures", func(_, e, _ map[string]any) { e["signatures"] = []any{} }},
		"two signatures":      {"2 signatures", func(_, e, _ map[string]any) { e["signatures"] = []any{sig(e), sig(e)} }},
		"empty signature":     {"signature is empty", func(_, e, _ map[string]any) { sig(e)["sig"] = "" }},
		"URL-safe base64":     {"base64", func(_, e, _ map[string]any) { sig(e)["sig"] = "-_-_" }},
		"unpadded base64":     {"base64", func(_, e, _ map[string]any) { sig(e)["sig"] = "AA" }},
		"loose base64":        {"base64", func(_, e, _ map[string]any) { sig(e)["sig"] = "AB==" }},
		"broken base64":       {"base64", func(_, e, _ map[string]any) { e["payload"] = "e3\n0=" }},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dsse.DecodeBundle(change(t, data, row.f))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error is %v, want one with %q", err, row.want)
			}
		})
	}
	for name, doc := range map[string]string{
		"nothing":          "",
		"a list":           "[]",
		"duplicate member": strings.Replace(string(data), `"payloadType"`, `"payloadType":"x","payloadType"`, 1),
		"duplicate deep":   strings.Replace(string(data), `"publicKey"`, `"tlogEntries":[{"a":1,"a":2}],"publicKey"`, 1),
		"trailing data":    string(data) + "x",
		"too large":        string(data) + strings.Repeat(" ", dsse.MaxBundleSize),
	} {
		if _, err := dsse.DecodeBundle([]byte(doc)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestTampering changes what is signed and what signs, one thing at a time.
func TestTampering(t *testing.T) {
	t.Parallel()
	data, key := newBundle(t)
	good, err := dsse.DecodeBundle(data)
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, new string) func(*dsse.Envelope) {
		return func(e *dsse.Envelope) {
			if !bytes.Contains(e.Payload, []byte(old)) {
				t.Fatalf("%q is not in the payload", old)
			}
			e.Payload = bytes.Replace(e.Payload, []byte(old), []byte(new), 1)
		}
	}
	for name, f := range map[string]func(*dsse.Envelope){
		"predicate":         swap(`"serial":7`, `"serial":8`),
		"predicate type":    swap("predicate/v1", "predicate/v2"),
		"subject":           swap("2cf2", "2cf3"),
		"subject name":      swap(`"catalog"`, `"catalogue"`),
		"white space":       swap(`:7`, `: 7`),
		"signature":         func(e *dsse.Envelope) { e.Signatures = []dsse.Signature{{Sig: bytes.Repeat([]byte{1}, 64)}} },
		"two signatures":    func(e *dsse.Envelope) { e.Signatures = append(e.Signatures, e.Signatures[0]) },
		"no signature":      func(e *dsse.Envelope) { e.Signatures = nil },
		"payload type":      func(e *dsse.Envelope) { e.PayloadType = "application/json" },
		"payload cut short": func(e *dsse.Envelope) { e.Payload = e.Payload[:len(e.Payload)-1] },
	} {
		b := dsse.Bundle{Envelope: good.Envelope, Hint: good.Hint}
		b.Envelope.Signatures = append([]dsse.Signature(nil), good.Envelope.Signatures...)
		f(&b.Envelope)
		if s, _, _, err := dsse.VerifyBundle(b, []dsse.PublicKey{key}); err == nil {
			t.Errorf("%s changed: verified as %+v", name, s)
		}
		if err := b.Envelope.Verify(key); err == nil {
			t.Errorf("%s changed: the envelope verifies", name)
		}
	}
}

// TestGoodSignatureBadStatement: the key's owner signed something that is not a
// canonical statement; that is no ErrNoMatch but a defect to report.
func TestGoodSignatureBadStatement(t *testing.T) {
	t.Parallel()
	signer, key, _, _ := signtest.ECDSA(t, "release")
	for name, payload := range map[string]string{
		"not canonical":    encoded + "\n",
		"duplicate member": strings.Replace(encoded, `{"serial":7}`, `{"serial":7,"serial":8}`, 1),
		"not JSON":         "hello",
	} {
		sig, err := signer.Sign(dsse.PAE(dsse.PayloadType, []byte(payload)))
		if err != nil {
			t.Fatal(err)
		}
		e := dsse.Envelope{PayloadType: dsse.PayloadType, Payload: []byte(payload), Signatures: []dsse.Signature{{Sig: sig}}}
		_, _, _, err = dsse.VerifyBundle(dsse.Bundle{Envelope: e}, []dsse.PublicKey{key})
		if err == nil || errors.Is(err, dsse.ErrNoMatch) || !strings.Contains(err.Error(), key.KeyID()) {
			t.Errorf("%s: error is %v, want one that names the key", name, err)
		}
	}
}

func TestEncodeBundleRefuses(t *testing.T) {
	t.Parallel()
	sig := []dsse.Signature{{Sig: []byte("s")}}
	for name, e := range map[string]dsse.Envelope{
		"nothing":      {},
		"two":          {PayloadType: dsse.PayloadType, Payload: []byte("p"), Signatures: append(sig, sig...)},
		"another type": {PayloadType: "text/plain", Payload: []byte("p"), Signatures: sig},
		"too large":    {PayloadType: dsse.PayloadType, Payload: make([]byte, dsse.MaxBundleSize), Signatures: sig},
	} {
		if _, err := dsse.EncodeBundle(e, "hint"); err == nil {
			t.Errorf("%s was encoded", name)
		}
	}
}

func FuzzDecodeBundle(f *testing.F) {
	data, key := newBundle(f)
	f.Add(data)
	f.Add(change(f, data, func(_, _, m map[string]any) { m["tlogEntries"] = []any{} }))
	f.Add([]byte(`{"mediaType":"` + dsse.BundleMediaType + `","verificationMaterial":{"publicKey":{}},"dsseEnvelope":{"payload":"` +
		base64.StdEncoding.EncodeToString([]byte("{}")) + `","payloadType":"` + dsse.PayloadType + `","signatures":[{"sig":"AA=="}]}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		b, err := dsse.DecodeBundle(doc)
		if err != nil {
			return
		}
		again, err := dsse.EncodeBundle(b.Envelope, b.Hint)
		if err != nil {
			// Escapes in the input can make the canonical form larger than it.
			if len(doc) < dsse.MaxBundleSize/2 {
				t.Fatalf("%q was accepted but not encoded: %v", doc, err)
			}
			return
		}
		var canonical any
		if err := strictjson.UnmarshalCanonical(again, &canonical); err != nil {
			t.Errorf("%q is not canonical: %v", again, err)
		}
		s, payload, _, err := dsse.VerifyBundle(b, []dsse.PublicKey{key})
		if err == nil && string(payload) != encoded {
			t.Errorf("%q verified with the test key as %+v", payload, s)
		}
	})
}
