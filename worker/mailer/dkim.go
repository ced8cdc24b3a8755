package mailer

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// DKIMConfig names one key that mail is signed with (RFC 6376).
type DKIMConfig struct {
	// Domain is d=, the domain that answers for the mail: that of From or a parent
	// of it, see [Signer.CheckFrom]. Unicode is written as A-labels.
	Domain string
	// Selector is s=: the public key stands in DNS at Selector._domainkey.Domain.
	Selector string
	// Key is an RSA key of at least 2048 bits or an ed25519 key; [ParseDKIMKey]
	// reads one.
	Key crypto.Signer
}

// Signer puts DKIM signatures on mail: rsa-sha256 (RFC 6376) and ed25519-sha256
// (RFC 8463), relaxed/relaxed, over the whole body. Safe for concurrent use.
//
// It is our own code because the two libraries we know of spend about 120 µs on
// a mail of 10 kB beside the signature itself, four times what ed25519 costs:
// more than all of the worker may. In tests one of them, and dkimpy, verify it.
type Signer struct{ keys []dkimKey }

// dkimKey is a validated DKIMConfig.
type dkimKey struct {
	domain, selector string
	algorithm        string
	key              crypto.Signer
	hash             crypto.Hash // as Key.Sign wants it
}

// NewSigner takes one key or more; each makes a signature of its own. An RSA and
// an ed25519 key together serve verifiers that know only the older kind.
func NewSigner(configs ...DKIMConfig) (*Signer, error) {
	if len(configs) == 0 {
		return nil, errors.New("dkim: no key")
	}
	s := &Signer{}
	for _, c := range configs {
		k, err := c.check()
		if err != nil {
			return nil, fmt.Errorf("dkim: %w", err)
		}
		for _, other := range s.keys {
			if other.domain == k.domain && other.selector == k.selector {
				return nil, fmt.Errorf("dkim: selector %q twice for %s: each key needs its own", k.selector, k.domain)
			}
		}
		s.keys = append(s.keys, k)
	}
	return s, nil
}

func (c DKIMConfig) check() (dkimKey, error) {
	domain := c.Domain
	if !plainDomain(domain) {
		var err error
		if domain, err = idna.Lookup.ToASCII(c.Domain); err != nil || !strings.Contains(domain, ".") {
			return dkimKey{}, fmt.Errorf("domain %q is not a domain name", c.Domain)
		}
	}
	if c.Selector == "" || !plainDomain(strings.ToLower(c.Selector)+".x") {
		return dkimKey{}, fmt.Errorf("selector %q: only letters, digits, hyphens and dots", c.Selector)
	}
	k := dkimKey{domain: domain, selector: c.Selector, key: c.Key}
	if c.Key == nil {
		return dkimKey{}, errors.New("no private key")
	}
	if err := checkDKIMKey(c.Key); err != nil {
		return dkimKey{}, err
	}
	k.algorithm, k.hash = "rsa-sha256", crypto.SHA256
	if _, ok := c.Key.Public().(ed25519.PublicKey); ok {
		// RFC 8463 §3: the SHA-256 hash is the message that PureEdDSA signs.
		k.algorithm, k.hash = "ed25519-sha256", 0
	}
	return k, nil
}

// checkDKIMKey refuses keys that verifiers refuse (RFC 8301 §3.2, RFC 8463 §4).
func checkDKIMKey(key crypto.Signer) error {
	switch public := key.Public().(type) {
	case ed25519.PublicKey:
		return nil
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < 2048 {
			return fmt.Errorf("the rsa key has %d bits: make one of 2048", bits)
		}
		return nil
	default:
		return errors.New("the key is neither rsa nor ed25519")
	}
}

// CheckFrom refuses a From address for which the signatures count for nothing:
// DMARC (RFC 7489 §3.1.1) asks that d= is the domain of From or a parent of it.
func (s *Signer) CheckFrom(from string) error {
	path, _, err := wirePath(from)
	if err != nil {
		return fmt.Errorf("dkim: from: %w", err)
	}
	domain := Domain(path)
	for _, k := range s.keys {
		if domain != k.domain && !strings.HasSuffix(domain, "."+k.domain) {
			return fmt.Errorf("dkim: domain %s does not cover mail from %s: sign with %s, or a domain it is part of", k.domain, domain, domain)
		}
	}
	return nil
}

// Sign appends a DKIM-Signature field for each key, and then the mail, to dst.
// The mail is in wire format, as Compose makes it, with one From; file is the one
// it was composed with, or nil, and is signed with it. On an error it returns
// dst as it was.
func (s *Signer) Sign(dst, mail []byte, file *File) ([]byte, error) {
	out, err := s.sign(dst, mail, file)
	if err != nil {
		return dst, fmt.Errorf("dkim: %w", err)
	}
	return out, nil
}

func (s *Signer) sign(dst, mail []byte, file *File) ([]byte, error) {
	header, body, err := splitMail(mail)
	if err != nil {
		return nil, err
	}
	if file != nil && !bytes.HasSuffix(body, []byte("\r\n")) {
		return nil, errors.New("the mail does not end where its attachment begins")
	}
	var names, canonical [2048]byte
	h, signed, err := canonicalHeader(names[:0], canonical[:0], header)
	if err != nil {
		return nil, err
	}
	bodyHash := relaxedBodyHash(body, file)
	now := time.Now()
	for _, k := range s.keys {
		if dst, err = k.sign(dst, h, signed, bodyHash, now); err != nil {
			return nil, err
		}
	}
	return append(dst, mail...), nil
}

// sign appends one DKIM-Signature field: h= says which fields were signed, signed
// holds them.
func (k dkimKey) sign(dst, h, signed []byte, bodyHash [sha256.Size]byte, now time.Time) ([]byte, error) {
	start := len(dst)
	dst = append(append(dst, "DKIM-Signature: v=1; a="...), k.algorithm...)
	dst = append(dst, "; c=relaxed/relaxed;\r\n d="...)
	dst = append(append(append(dst, k.domain...), "; s="...), k.selector...)
	dst = strconv.AppendInt(append(dst, "; t="...), now.Unix(), 10)
	dst = append(append(dst, ";\r\n h="...), h...)
	dst = base64.StdEncoding.AppendEncode(append(dst, ";\r\n bh="...), bodyHash[:])
	dst = append(dst, ";\r\n b="...)

	// What is signed ends with this field itself, b= being empty and without the
	// last CRLF (RFC 6376 §3.7).
	hash := sha256.New()
	hash.Write(signed)
	var room [1024]byte
	own := appendRelaxedField(room[:0], dst[start:])
	hash.Write(own[:len(own)-2])
	signature, err := k.key.Sign(rand.Reader, hash.Sum(nil), k.hash)
	if err != nil {
		return nil, fmt.Errorf("sign with selector %s: %w", k.selector, err)
	}

	text := base64.StdEncoding.EncodeToString(signature)
	const line = 72
	for len(text) > line {
		dst = append(append(dst, text[:line]...), "\r\n "...)
		text = text[line:]
	}
	return append(append(dst, text...), '\r', '\n'), nil
}
