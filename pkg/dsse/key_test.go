package dsse_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
)

// rfc8032 is the key of RFC 8032, section 7.1, test 2, with its signature.
const (
	rfc8032Key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
	rfc8032Sig = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)

// rfc6979 is the P-256 key of RFC 6979, appendix A.2.5, with its signature of
// "sample" under SHA-256.
const (
	rfc6979X = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
	rfc6979Y = "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
	rfc6979R = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
	rfc6979S = "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func publicPEM(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func p256(t testing.TB) *ecdsa.PublicKey {
	t.Helper()
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), unhex(t, "04"+rfc6979X+rfc6979Y))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestVerifyKnownAnswers uses signatures of the RFCs, which no code of ours made.
func TestVerifyKnownAnswers(t *testing.T) {
	t.Parallel()
	// r and s both have the top bit set, so each takes a leading zero in DER.
	der := unhex(t, "3046"+"022100"+rfc6979R+"022100"+rfc6979S)
	for name, row := range map[string]struct {
		key          any
		kind         string
		message, sig []byte
	}{
		"Ed25519 of RFC 8032":     {ed25519.PublicKey(unhex(t, rfc8032Key)), dsse.Ed25519, []byte{0x72}, unhex(t, rfc8032Sig)},
		"ECDSA P-256 of RFC 6979": {p256(t), dsse.ECDSAP256, []byte("sample"), der},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := dsse.ParsePublicKey(publicPEM(t, row.key))
			if err != nil {
				t.Fatal(err)
			}
			if key.Kind() != row.kind {
				t.Errorf("kind is %q, want %q", key.Kind(), row.kind)
			}
			if err := key.Verify(row.message, row.sig); err != nil {
				t.Error(err)
			}
			for i := range row.sig {
				bad := append([]byte(nil), row.sig...)
				bad[i] ^= 1
				if err := key.Verify(row.message, bad); !errors.Is(err, dsse.ErrSignature) {
					t.Errorf("signature with byte %d changed: %v", i, err)
				}
			}
			for what, err := range map[string]error{
				"other message":   key.Verify(append([]byte("x"), row.message...), row.sig),
				"empty signature": key.Verify(row.message, nil),
				"longer":          key.Verify(row.message, append(row.sig[:len(row.sig):len(row.sig)], 0)),
			} {
				if !errors.Is(err, dsse.ErrSignature) {
					t.Errorf("%s: %v, want ErrSignature", what, err)
				}
			}
		})
	}
}

func TestKeyID(t *testing.T) {
	t.Parallel()
	file := publicPEM(t, p256(t))
	key, err := dsse.ParsePublicKey(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(file)
	sum := sha256.Sum256(block.Bytes)
	if got, want := key.KeyID(), hex.EncodeToString(sum[:]); got != want {
		t.Errorf("KeyID is %s, want the SHA-256 of the DER, %s", got, want)
	}
	if string(key.PEM()) != string(file) {
		t.Errorf("PEM gives\n%swant\n%s", key.PEM(), file)
	}
	// The same key in CRLF lines with a comment is the same key.
	again, err := dsse.ParsePublicKey([]byte("release key\r\n" + strings.ReplaceAll(string(file), "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	if again != key || !again.Equal(key) {
		t.Error("two spellings of one key differ")
	}
}

func TestZeroKeyVerifiesNothing(t *testing.T) {
	t.Parallel()
	var zero dsse.PublicKey
	if err := zero.Verify(nil, nil); !errors.Is(err, dsse.ErrSignature) {
		t.Errorf("error is %v, want ErrSignature", err)
	}
	if zero.KeyID() != "" || zero.Hint() != "" || zero.Kind() != "" || zero.PEM() != nil {
		t.Error("the zero key has a name")
	}
}

func TestParsePublicKeyRefuses(t *testing.T) {
	t.Parallel()
	good := string(publicPEM(t, p256(t)))
	other := string(publicPEM(t, ed25519.PublicKey(unhex(t, rfc8032Key))))
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ file, want string }{
		"nothing":               {"", "no PEM block"},
		"not PEM":               {"hello", "no PEM block"},
		"a private key":         {strings.ReplaceAll(good, "PUBLIC", "PRIVATE"), `"PRIVATE KEY", want "PUBLIC KEY"`},
		"two keys":              {good + other, "2 PEM blocks"},
		"a broken key first":    {"-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n" + good, "2 PEM blocks"},
		"text after it":         {good + "more", "text after"},
		"no end line":           {good[:len(good)-10], "damaged"},
		"damaged DER":           {string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})), "asn1"},
		"RSA":                   {string(publicPEM(t, &rsaKey.PublicKey)), "use ECDSA P-256 or Ed25519"},
		"ECDSA P-384":           {string(publicPEM(t, &p384.PublicKey)), "P-384 is not supported"},
		"larger than the limit": {strings.Repeat(" ", dsse.MaxKeySize) + good, "limit"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dsse.ParsePublicKey([]byte(row.file))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error is %v, want one with %q", err, row.want)
			}
		})
	}
}
