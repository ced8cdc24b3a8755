package mailer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"slices"
	"strings"
	"testing"

	"heraut/worker/mailer"
)

func TestParseDKIMKey(t *testing.T) {
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	encode := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	keys := testKeys()
	for name, c := range map[string]struct {
		pem  []byte
		want crypto.PublicKey
	}{
		"pkcs8 rsa":     {encode("PRIVATE KEY", pkcs8(keys.rsa)), keys.rsa.Public()},
		"pkcs8 ed25519": {encode("PRIVATE KEY", pkcs8(keys.ed)), keys.ed.Public()},
		"pkcs1":         {encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(keys.rsa)), keys.rsa.Public()},
	} {
		key, err := mailer.ParseDKIMKey(append([]byte("# heraut\n"), c.pem...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !c.want.(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public()) {
			t.Errorf("%s: another key", name)
		}
	}

	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(keys.ed.Public())
	if err != nil {
		t.Fatal(err)
	}
	secret := pkcs8(keys.ed)
	for name, c := range map[string]struct {
		pem  []byte
		want string // in the error
	}{
		"nothing":       {nil, "no PEM block"},
		"bare base64":   {[]byte(base64.StdEncoding.EncodeToString(secret)), "no PEM block"},
		"public key":    {encode("PUBLIC KEY", public), "public key"},
		"encrypted":     {encode("ENCRYPTED PRIVATE KEY", secret), "encrypted"},
		"old encrypted": {pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: secret}), "encrypted"},
		"certificate":   {encode("CERTIFICATE", secret), "CERTIFICATE"},
		"cut":           {encode("PRIVATE KEY", secret[:20]), "cannot be read"},
		"wrong label":   {encode("RSA PRIVATE KEY", secret), "cannot be read"},
		"two keys":      {slices.Repeat(encode("PRIVATE KEY", secret), 2), "one private key"},
		"short":         {encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(short)), "1024 bits"},
		"ecdsa":         {encode("PRIVATE KEY", pkcs8(ec)), "neither"},
	} {
		_, err := mailer.ParseDKIMKey(c.pem)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, c.want)
		} else if tail := base64.StdEncoding.EncodeToString(secret)[20:40]; strings.Contains(err.Error(), tail) {
			t.Errorf("%s: the error holds the key", name)
		}
	}
}
