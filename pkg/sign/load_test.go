package sign_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/test/signtest"
)

func pemOf(typ string, der []byte, err error) string {
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}))
}

func pkcs8(key any) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pemOf("PRIVATE KEY", der, err)
}

func sec1(key *ecdsa.PrivateKey) string {
	der, err := x509.MarshalECPrivateKey(key)
	return pemOf("EC PRIVATE KEY", der, err)
}

func newECDSA(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// neverAsked is the password source of a key that needs none.
func neverAsked(t testing.TB) func() ([]byte, error) {
	return func() ([]byte, error) {
		t.Error("asked for a password")
		return nil, nil
	}
}

func TestLoadPlain(t *testing.T) {
	t.Parallel()
	ec := newECDSA(t, elliptic.P256())
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// "openssl ecparam -genkey" writes the curve in a block of its own.
	parameters := "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
	for name, row := range map[string]struct {
		file   string
		public any
	}{
		"ECDSA in PKCS #8":         {pkcs8(ec), &ec.PublicKey},
		"ECDSA in SEC 1":           {sec1(ec), &ec.PublicKey},
		"ECDSA with parameters":    {parameters + sec1(ec), &ec.PublicKey},
		"Ed25519 in PKCS #8":       {pkcs8(ed), ed.Public()},
		"Windows lines and a note": {"my key\r\n" + strings.ReplaceAll(pkcs8(ed), "\n", "\r\n") + "\r\n", ed.Public()},
	} {
		t.Run(name, func(t *testing.T) {
			signer, err := sign.Load([]byte(row.file), neverAsked(t))
			if err != nil {
				t.Fatal(err)
			}
			want, err := dsse.NewPublicKey(row.public)
			if err != nil {
				t.Fatal(err)
			}
			if signer.Public() != want {
				t.Errorf("public key is\n%swant\n%s", signer.Public().PEM(), want.PEM())
			}
			sig, err := signer.Sign([]byte("message"))
			if err != nil {
				t.Fatal(err)
			}
			if err := want.Verify([]byte("message"), sig); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	ec := newECDSA(t, elliptic.P256())
	p384 := newECDSA(t, elliptic.P384())
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(&ec.PublicKey)
	box := func(json string) string { return pemOf("ENCRYPTED SIGSTORE PRIVATE KEY", []byte(json), nil) }
	for name, row := range map[string]struct{ file, want string }{
		"nothing":                   {"", "no PEM block"},
		"not PEM":                   {"secret", "no PEM block"},
		"RSA in PKCS #8":            {pkcs8(rsaKey), "use ECDSA P-256 or Ed25519"},
		"RSA in PKCS #1":            {pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), nil), "RSA keys are not supported"},
		"P-384 in PKCS #8":          {pkcs8(p384), "P-384 is not supported"},
		"P-384 in SEC 1":            {sec1(p384), "P-384 is not supported"},
		"a public key":              {pemOf("PUBLIC KEY", publicDER, err), "this is a public key"},
		"a certificate":             {pemOf("CERTIFICATE", []byte("x"), nil), "this is a certificate"},
		"encrypted PKCS #8":         {pemOf("ENCRYPTED PRIVATE KEY", []byte("x"), nil), "openssl pkcs8"},
		"OpenSSH":                   {pemOf("OPENSSH PRIVATE KEY", []byte("x"), nil), "pinwheel key new"},
		"something else":            {pemOf("SECRET", []byte("x"), nil), `"SECRET" is not a private key`},
		"damaged DER":               {pemOf("PRIVATE KEY", []byte("x"), nil), "asn1"},
		"damaged SEC 1":             {pemOf("EC PRIVATE KEY", []byte("x"), nil), "x509"},
		"two keys":                  {pkcs8(ec) + sec1(ec), "2 PEM blocks"},
		"parameters without a key":  {pemOf("EC PARAMETERS", []byte("x"), nil), `"EC PARAMETERS" is not a private key`},
		"damaged block before":      {"-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n" + pkcs8(ec), "2 PEM blocks"},
		"text after":                {pkcs8(ec) + "x", "text after"},
		"no end":                    {pkcs8(ec)[:60], "damaged"},
		"old OpenSSL encryption":    {"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n", "openssl ec"},
		"too large":                 {pkcs8(ec) + strings.Repeat(" ", sign.MaxKeySize), "limit"},
		"encrypted, not JSON":       {box("hello"), "encrypted key"},
		"encrypted in another way":  {box(`{"kdf":{"name":"argon2"},"cipher":{"name":"aes"}}`), "not supported, want scrypt"},
		"encrypted, but empty JSON": {box(`{}`), "not supported, want scrypt"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sign.Load([]byte(row.file), neverAsked(t))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error is %v, want one with %q", err, row.want)
			}
			if errors.Is(err, sign.ErrPassword) {
				t.Errorf("error is %v, which blames the password", err)
			}
		})
	}
}

func TestLoadEncrypted(t *testing.T) {
	t.Parallel()
	private, public, err := sign.Generate(dsse.ECDSAP256, []byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := dsse.ParsePublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	older := bytes.ReplaceAll(private, []byte("ENCRYPTED SIGSTORE"), []byte("ENCRYPTED COSIGN"))
	for name, file := range map[string][]byte{"sigstore": private, "cosign": older} {
		signer, err := sign.Load(file, password("secret"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if signer.Public() != want {
			t.Errorf("%s: loaded another key", name)
		}
	}
	for _, wrong := range []string{"", "Secret", "secret\n"} {
		if _, err := sign.Load(private, password(wrong)); !errors.Is(err, sign.ErrPassword) {
			t.Errorf("password %q: error is %v, want ErrPassword", wrong, err)
		}
	}
	cause := errors.New("nobody there")
	if _, err := sign.Load(private, func() ([]byte, error) { return nil, cause }); !errors.Is(err, cause) {
		t.Errorf("error is %v, want the password source's", err)
	}
	if _, err := sign.Load(private, nil); err == nil {
		t.Error("an encrypted key was loaded without a password source")
	}
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{dsse.ECDSAP256, dsse.Ed25519} {
		t.Run(kind, func(t *testing.T) {
			private, public, err := sign.Generate(kind, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			signer, err := sign.Load(private, neverAsked(t))
			if err != nil {
				t.Fatal(err)
			}
			if got := signer.Public(); !bytes.Equal(got.PEM(), public) || got.Kind() != kind {
				t.Errorf("public key is of kind %s\n%swant\n%s", got.Kind(), got.PEM(), public)
			}
			again, _, err := sign.Generate(kind, nil, nil)
			if err != nil || bytes.Equal(again, private) {
				t.Errorf("the second key is the first (%v)", err)
			}
			_, encrypted, err := sign.Generate(kind, []byte("x"), bytes.NewReader(make([]byte, 31)))
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("too little randomness gives %s, error %v", encrypted, err)
			}
			if _, _, err := sign.Generate(kind, nil, iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("error is %v, want that of the source", err)
			}
		})
	}
	// Zero and values past the group order are no P-256 keys: drawn again.
	draws := bytes.Join([][]byte{make([]byte, 32), bytes.Repeat([]byte{0xff}, 32), bytes.Repeat([]byte{1}, 32)}, nil)
	got, _, err := sign.Generate(dsse.ECDSAP256, nil, bytes.NewReader(draws))
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := sign.Generate(dsse.ECDSAP256, nil, bytes.NewReader(draws[64:]))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the key is not that of the first draw in range (%v)", err)
	}
	if _, _, err := sign.Generate(dsse.ECDSAP256, nil, bytes.NewReader(make([]byte, 4096))); err == nil {
		t.Error("a source of zeros gave a key")
	}
	if _, _, err := sign.Generate("rsa", nil, nil); err == nil {
		t.Error("kind rsa was accepted")
	}
}

// TestSignaturesAreReproducible holds the promise of the package: a rerun from
// a plan ends at the same bytes. The values are fixed, so that a change of the
// library's behaviour is seen.
func TestSignaturesAreReproducible(t *testing.T) {
	t.Parallel()
	// The key of RFC 6979, appendix A.2.5, and its signature of "sample".
	d := "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
	r := "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
	s := "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
	scalar, err := hex.DecodeString(d)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := sign.New(key)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := signer.Sign([]byte("sample"))
	if got, want := hex.EncodeToString(sig), "3046022100"+r+"022100"+s; err != nil || got != want {
		t.Errorf("signature is %s (%v), want RFC 6979's %s", got, err, want)
	}
	for _, key := range []func(testing.TB, string) (sign.Signer, dsse.PublicKey, []byte, []byte){signtest.Key, signtest.ECDSA} {
		a, public, privatePEM, publicPEM := key(t, "release")
		b, _, privateAgain, _ := key(t, "release")
		if !bytes.Equal(privatePEM, privateAgain) || !bytes.Equal(public.PEM(), publicPEM) {
			t.Error("test keys of one name differ")
		}
		_, other, _, _ := key(t, "other")
		if public == other {
			t.Error("test keys of two names are the same")
		}
		one, err1 := a.Sign([]byte("m"))
		two, err2 := b.Sign([]byte("m"))
		if err1 != nil || err2 != nil || !bytes.Equal(one, two) {
			t.Errorf("%s: two signatures of one message differ (%v, %v)", public.Kind(), err1, err2)
		}
	}
}

func FuzzLoad(f *testing.F) {
	_, _, ed, _ := signtest.Key(f, "release")
	_, _, ec, public := signtest.ECDSA(f, "release")
	f.Add(ed)
	f.Add(ec)
	f.Add(public)
	f.Add([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + string(ec)))
	f.Add([]byte(pemOf("ENCRYPTED SIGSTORE PRIVATE KEY",
		[]byte(`{"kdf":{"name":"scrypt","params":{"N":1,"r":8,"p":1},"salt":"AA=="},"cipher":{"name":"nacl/secretbox","nonce":"AA=="},"ciphertext":"AA=="}`), nil)))
	f.Fuzz(func(t *testing.T, file []byte) {
		signer, err := sign.Load(file, password("x"))
		if err != nil {
			if strings.Contains(err.Error(), "PRIVATE KEY-----\nM") {
				t.Errorf("the error shows the key: %v", err)
			}
			return
		}
		sig, err := signer.Sign(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := signer.Public().Verify(file, sig); err != nil {
			t.Error(err)
		}
	})
}
