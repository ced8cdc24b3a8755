package mailer

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// ParseDKIMKey reads a private key in PEM: PKCS#8 ("PRIVATE KEY", RSA or
// ed25519) or PKCS#1 ("RSA PRIVATE KEY"), RSA of at least 2048 bits. Its errors
// say what to do and never hold anything of the key.
func ParseDKIMKey(data []byte) (crypto.Signer, error) {
	key, err := parseDKIMKey(data)
	if err != nil {
		return nil, fmt.Errorf("dkim key: %w", err)
	}
	return key, nil
}

func parseDKIMKey(data []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(data)
	if block == nil {
		return nil, errors.New("no PEM block in it: it should begin with -----BEGIN PRIVATE KEY-----")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("something follows the first PEM block: keep one private key in the file")
	}
	var key any
	var err error
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		return nil, errors.New("the key is encrypted: store it without a passphrase, readable by heraut only")
	case block.Type == "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case strings.HasSuffix(block.Type, "PUBLIC KEY"):
		return nil, errors.New("this is the public key, which belongs in DNS: give the private key")
	default:
		return nil, fmt.Errorf("a PEM block of type %.40q: give an rsa or ed25519 key as PRIVATE KEY (PKCS#8)", block.Type)
	}
	if err != nil {
		// The cause is left out: it may quote what it could not read.
		return nil, fmt.Errorf("the %s block cannot be read: the file is damaged, or the key is of another kind", block.Type)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key is not one to sign with: give an rsa or ed25519 key")
	}
	if err := checkDKIMKey(signer); err != nil {
		return nil, err
	}
	return signer, nil
}
