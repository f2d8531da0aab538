package sign

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
)

// MaxKeySize is the limit, in bytes, for a private key file.
const MaxKeySize = 64 << 10

// ErrPassword says that a private key could not be decrypted: the password is
// wrong or the file is damaged, which its cipher cannot tell apart.
var ErrPassword = errors.New("wrong password, or the key is damaged")

// PEM types of private keys.
const (
	pemPKCS8    = "PRIVATE KEY"
	pemSEC1     = "EC PRIVATE KEY"
	pemSigstore = "ENCRYPTED SIGSTORE PRIVATE KEY"
	pemCosign   = "ENCRYPTED COSIGN PRIVATE KEY"
)

// unsupported tells for PEM types that people do have what to do instead.
var unsupported = map[string]string{
	"RSA PRIVATE KEY":       "RSA keys are not supported, use ECDSA P-256 or Ed25519",
	"ENCRYPTED PRIVATE KEY": "encrypted PKCS #8 is not supported; decrypt it (openssl pkcs8) and give the plain key, or import that with cosign import-key-pair",
	"OPENSSH PRIVATE KEY":   "OpenSSH keys are not supported, make a key with pinwheel key new",
	"PUBLIC KEY":            "this is a public key, signing needs the private one",
	"CERTIFICATE":           "this is a certificate, signing needs a private key",
}

// Load reads a PEM file with one private key, ECDSA P-256 or Ed25519:
//
//   - "PRIVATE KEY" (PKCS #8, RFC 5208) and "EC PRIVATE KEY" (SEC 1, RFC 5915,
//     with or without openssl's "EC PARAMETERS" before it);
//   - "ENCRYPTED SIGSTORE PRIVATE KEY" and "ENCRYPTED COSIGN PRIVATE KEY" as
//     cosign and [Generate] write them: PKCS #8 in scrypt and NaCl secretbox.
//
// password is called once, and only for an encrypted key that this package can
// read; nil means that there is none. A password that does not fit gives an
// error that matches [ErrPassword].
func Load(pemBytes []byte, password func() ([]byte, error)) (Signer, error) {
	block, err := onlyBlock(pemBytes)
	if err != nil {
		return nil, fmt.Errorf("load private key: %w", err)
	}
	key, err := parseBlock(block, password)
	if err != nil {
		return nil, fmt.Errorf("load private key: %w", err)
	}
	s, err := New(key)
	if err != nil {
		return nil, fmt.Errorf("load private key: %w", err)
	}
	return s, nil
}

// onlyBlock finds the one key block. pem.Decode skips blocks that it cannot
// read, hence the count beside it.
func onlyBlock(pemBytes []byte) (*pem.Block, error) {
	if len(pemBytes) > MaxKeySize {
		return nil, fmt.Errorf("file has %d bytes, more than the limit of %d", len(pemBytes), MaxKeySize)
	}
	begins := bytes.Count(pemBytes, []byte("-----BEGIN "))
	if begins == 0 {
		return nil, errors.New("no PEM block (\"-----BEGIN … PRIVATE KEY-----\") found")
	}
	block, rest := pem.Decode(pemBytes)
	read := 1
	if block != nil && block.Type == "EC PARAMETERS" && begins > 1 {
		block, rest = pem.Decode(rest)
		read++
	}
	switch {
	case block == nil:
		return nil, errors.New("damaged PEM block")
	case read != begins:
		return nil, fmt.Errorf("%d PEM blocks found, want one key a file", begins)
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, errors.New("text after the PEM block")
	}
	return block, nil
}

func parseBlock(block *pem.Block, password func() ([]byte, error)) (any, error) {
	if _, ok := block.Headers["DEK-Info"]; ok {
		return nil, errors.New("OpenSSL's old PEM encryption is not supported; decrypt the key with openssl ec")
	}
	switch block.Type {
	case pemPKCS8:
		return parsePKCS8(block.Bytes)
	case pemSEC1:
		key, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		return checkCurve(key)
	case pemSigstore, pemCosign:
		der, err := decrypt(block.Bytes, password)
		if err != nil {
			return nil, err
		}
		return parsePKCS8(der)
	}
	if why, ok := unsupported[block.Type]; ok {
		return nil, errors.New(why)
	}
	return nil, fmt.Errorf("PEM block %q is not a private key that can be read", block.Type)
}

func parsePKCS8(der []byte) (any, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	if k, ok := key.(*ecdsa.PrivateKey); ok {
		return checkCurve(k)
	}
	return key, nil
}

// checkCurve refuses other curves here, where the key's own name for it is at
// hand, and not as an odd error of a later signature.
func checkCurve(key *ecdsa.PrivateKey) (any, error) {
	if name := key.Params().Name; name != "P-256" {
		return nil, fmt.Errorf("ECDSA on curve %s is not supported, use ECDSA P-256 or Ed25519", name)
	}
	return key, nil
}

// decrypt opens the JSON box of an encrypted key. The form is looked at first,
// so that nobody is asked for the password of a file that no password opens.
func decrypt(box []byte, password func() ([]byte, error)) ([]byte, error) {
	var form struct {
		KDF, Cipher struct{ Name string }
	}
	if err := json.Unmarshal(box, &form); err != nil {
		return nil, fmt.Errorf("encrypted key: %w", err)
	}
	if form.KDF.Name != "scrypt" || form.Cipher.Name != "nacl/secretbox" {
		return nil, fmt.Errorf("encrypted key: %.40q with %.40q is not supported, want scrypt with nacl/secretbox", form.KDF.Name, form.Cipher.Name)
	}
	if password == nil {
		return nil, errors.New("the key is encrypted and no password was given")
	}
	secret, err := password()
	if err != nil {
		return nil, err
	}
	der, err := encrypted.Decrypt(box, secret)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrPassword, err)
	}
	return der, nil
}
