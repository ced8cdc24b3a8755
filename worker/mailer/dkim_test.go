package mailer_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"heraut/worker/mailer"
)

// testKeys are made once: an RSA key takes a while.
var testKeys = sync.OnceValue(func() (keys struct {
	rsa *rsa.PrivateKey
	ed  ed25519.PrivateKey
}) {
	var err1, err2 error
	keys.rsa, err1 = rsa.GenerateKey(rand.Reader, 2048)
	_, keys.ed, err2 = ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2); err != nil {
		panic(err)
	}
	return keys
})

func bothKeys() []mailer.DKIMConfig {
	return []mailer.DKIMConfig{
		{Domain: "example.nl", Selector: "heraut-r1", Key: testKeys().rsa},
		{Domain: "example.nl", Selector: "heraut-e1", Key: testKeys().ed},
	}
}

// dns gives the records that would stand in DNS, by name.
func dns(t testing.TB, configs ...mailer.DKIMConfig) map[string]string {
	t.Helper()
	records := map[string]string{}
	for _, c := range configs {
		var kind string
		var public []byte
		switch key := c.Key.Public().(type) {
		case ed25519.PublicKey:
			kind, public = "ed25519", key
		case *rsa.PublicKey:
			der, err := x509.MarshalPKIXPublicKey(key)
			if err != nil {
				t.Fatal(err)
			}
			kind, public = "rsa", der
		}
		records[c.Selector+"._domainkey."+c.Domain+"."] = "v=DKIM1; k=" + kind + "; p=" + base64.StdEncoding.EncodeToString(public)
	}
	return records
}

// verifyMsgauth gives go-msgauth's verdict on each signature.
func verifyMsgauth(t testing.TB, records map[string]string, data []byte) []bool {
	t.Helper()
	found, err := dkim.VerifyWithOptions(bytes.NewReader(data), &dkim.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) {
			if r, ok := records[strings.TrimSuffix(name, ".")+"."]; ok {
				return []string{r}, nil
			}
			return nil, errors.New("no such name: " + name)
		},
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	var ok []bool
	for _, v := range found {
		ok = append(ok, v.Err == nil)
	}
	return ok
}

func mustSign(t testing.TB, data []byte, configs ...mailer.DKIMConfig) []byte {
	t.Helper()
	return mustSignWith(t, data, nil, configs...)
}

// mustSignWith signs a mail and gives all of it, the file included.
func mustSignWith(t testing.TB, data []byte, file *mailer.File, configs ...mailer.DKIMConfig) []byte {
	t.Helper()
	s, err := mailer.NewSigner(configs...)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign([]byte("before"), data, file)
	if err != nil {
		t.Fatal(err)
	}
	signed, ok := bytes.CutPrefix(signed, []byte("before"))
	if !ok || !bytes.HasSuffix(signed, data) {
		t.Fatal("the mail is not appended as it was")
	}
	if file != nil {
		signed = file.Append(signed)
	}
	return signed
}

// campaign is a mail with every field that is signed.
func campaign() mailer.Mail {
	m := invitation()
	m.Headers = []mailer.Header{
		{Name: "List-Id", Value: "<innovember.example.nl>"},
		{Name: "List-Unsubscribe", Value: "<https://heraut.example.nl/u/" + strings.Repeat("t", 60) + ">, <mailto:uit@example.nl>"},
		{Name: "List-Unsubscribe-Post", Value: "List-Unsubscribe=One-Click"},
		{Name: "X-Other", Value: "not signed"},
	}
	return m
}

// TestSignVerifies alters a signed mail in each place that counts, and has two
// verifiers judge both signatures.
func TestSignVerifies(t *testing.T) {
	configs := bothKeys()
	data := mustCompose(t, campaign())
	signed := mustSign(t, data, configs...)
	if _, err := mailer.CheckWire(signed); err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) []byte {
		out := bytes.Replace(signed, []byte(old), []byte(new), 1)
		if bytes.Equal(out, signed) {
			t.Fatalf("%q does not occur", old)
		}
		return out
	}
	cases := []struct {
		name string
		mail []byte
		want bool
	}{
		{"as sent", signed, true},
		{"unsigned field altered", replace("X-Other: not", "X-Other: still not"), true},
		{"header folded anew", replace("Auto-Submitted: auto", "Auto-Submitted:\r\n  auto"), true},
		{"lines added at the end", append(slices.Clone(signed), "\r\n\r\n"...), true},
		{"list-unsubscribe altered", replace("/u/ttt", "/u/tty"), false},
		{"list-unsubscribe-post altered", replace("One-Click", "One-Clock"), false},
		{"list-id altered", replace("<innovember.", "<december."), false},
		{"subject altered", replace("Je_bent", "Jij_bent"), false},
		{"from altered", replace("<noreply@", "<reply@"), false},
		{"second from", append([]byte("From: <x@example.org>\r\n"), signed...), false},
		{"to altered", replace("<zoe@", "<piet@"), false},
		{"reply-to altered", replace("+abc123@", "+abc124@"), false},
		{"date altered", replace("09:30:00", "09:31:00"), false},
		{"message-id altered", replace("<m-17@", "<m-18@"), false},
		{"auto-submitted altered", replace("Auto-Submitted: auto-generated", "Auto-Submitted: no"), false},
		{"language altered", replace("Content-Language: nl", "Content-Language: en"), false},
		{"mime-version altered", replace("MIME-Version: 1.0", "MIME-Version: 1.1"), false},
		{"content-type altered", replace("multipart/mixed", "multipart/related"), false},
		{"body altered", replace("Tot donderdag", "Tot vrijdag"), false},
		{"body cut", signed[:len(signed)-20], false},
		{"text after the end", append(slices.Clone(signed), "x\r\n"...), false},
	}
	records := dns(t, configs...)
	var mails [][]byte
	for _, c := range cases {
		mails = append(mails, c.mail)
	}
	python := readPython(t, records, mails...)
	for i, c := range cases {
		want := []bool{c.want, c.want}
		if got := verifyMsgauth(t, records, c.mail); !slices.Equal(got, want) {
			t.Errorf("%s: go-msgauth says %v, want %v", c.name, got, want)
		}
		if got := python[i].Signatures; !slices.Equal(got, want) {
			t.Errorf("%s: dkimpy says %v, want %v", c.name, got, want)
		}
	}
}

// TestSignPrepared signs what strangers cause, with white space at odd places,
// and lets Python read the whole of it.
func TestSignPrepared(t *testing.T) {
	configs := bothKeys()[1:]
	records := dns(t, configs...)
	var mails [][]byte
	var wants []mailer.Mail
	for seed := uint64(0); len(mails) < 40; seed++ {
		fr, fi := maker{mathrand.New(mathrand.NewPCG(seed, 2))}.mail()
		fr.From.Address, fi.To.Address = "noreply@mail.example.nl", "zoe@example.org"
		p, err := mailer.Prepare(fr)
		if err != nil {
			continue
		}
		data, err := p.Compose(nil, fi)
		if err != nil {
			continue
		}
		mails, wants = append(mails, mustSignWith(t, data, fr.File, configs...)), append(wants, whole(fr, fi))
	}
	for i, p := range readPython(t, records, mails...) {
		if got := verifyMsgauth(t, records, mails[i]); !slices.Equal(got, []bool{true}) || !slices.Equal(p.Signatures, got) {
			t.Errorf("go-msgauth says %v, dkimpy %v:\n%s", got, p.Signatures, mails[i])
		}
		if p.To[0][1] != "zoe@example.org" || len(p.To) != 1 {
			t.Errorf("To reads as %q", p.To)
		}
		text, err := base64.StdEncoding.DecodeString(p.Parts[0][1])
		want := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(wants[i].Text)
		if err != nil || p.Parts[0][0] != "text/plain" || string(text) != want {
			t.Errorf("%s reads as %q, want %q", p.Parts[0][0], text, want)
		}
	}
}

func TestSignBodies(t *testing.T) {
	configs := bothKeys()[1:]
	records := dns(t, configs...)
	var mails [][]byte
	for _, body := range []string{
		"", "\r\n", "\r\n\r\n", " \r\n", "\t \r\n \r\n", "a", "a\r\n", "a \t\r\n", " a\r\n", "\ta  b\tc\r\n \r\n\r\n", "a\r\n\r\n\r\nb\r\n", "a\r\n \t\r\nb",
	} {
		mails = append(mails, mustSign(t, []byte("From: <a@example.nl>\r\nTO:  <b@example.org>\r\nsubject:\r\n \t x\t y \r\nDate:\r\n\r\n"+body), configs...))
	}
	for i, p := range readPython(t, records, mails...) {
		if got := verifyMsgauth(t, records, mails[i]); !slices.Equal(got, []bool{true}) || !slices.Equal(p.Signatures, got) {
			t.Errorf("go-msgauth says %v, dkimpy %v: %q", got, p.Signatures, mails[i])
		}
	}
}

func TestSignRefuses(t *testing.T) {
	s, err := mailer.NewSigner(bothKeys()[1])
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"no empty line": "From: <a@example.nl>\r\n",
		"no from":       "To: <a@example.nl>\r\n\r\n",
		"two from":      "From: <a@example.nl>\r\nfrom: <b@example.nl>\r\n\r\n",
	} {
		if out, err := s.Sign([]byte("x"), []byte(data), nil); err == nil || string(out) != "x" {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
}

func TestNewSignerRefuses(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed := testKeys().ed
	for name, c := range map[string][]mailer.DKIMConfig{
		"none":                   nil,
		"no domain":              {{"", "s", ed}},
		"domain without dot":     {{"nl", "s", ed}},
		"line break in domain":   {{"example.nl\r\n", "s", ed}},
		"tag in domain":          {{"example.nl; l=0", "s", ed}},
		"no selector":            {{"example.nl", "", ed}},
		"tag in selector":        {{"example.nl", "s; l=0", ed}},
		"line break in selector": {{"example.nl", "s\r\n", ed}},
		"no key":                 {{"example.nl", "s", nil}},
		"short key":              {{"example.nl", "s", short}},
		"elliptic curve":         {{"example.nl", "s", ec}},
		"one selector, two keys": {{"example.nl", "s", ed}, {"example.nl", "s", testKeys().rsa}},
	} {
		if _, err := mailer.NewSigner(c...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCheckFrom(t *testing.T) {
	for _, c := range []struct {
		domain, from string
		ok           bool
	}{
		{"example.nl", "noreply@example.nl", true},
		{"example.nl", "noreply@Mail.Example.NL", true},
		{"bücher.example", "noreply@mail.xn--bcher-kva.example", true},
		{"example.nl", "noreply@notexample.nl", false},
		{"mail.example.nl", "noreply@example.nl", false},
		{"example.nl", "noreply@example.nl.example.org", false},
		{"example.nl", "noreply", false},
	} {
		s, err := mailer.NewSigner(mailer.DKIMConfig{Domain: c.domain, Selector: "s", Key: testKeys().ed})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CheckFrom(c.from); (err == nil) != c.ok {
			t.Errorf("%s for %s: %v", c.domain, c.from, err)
		}
	}
}

// FuzzSign has go-msgauth verify what is signed, for any header and body.
func FuzzSign(f *testing.F) {
	f.Add("x", "a  b\t\r\n \r\n")
	f.Add("", " \r\n\tc")
	f.Fuzz(func(t *testing.T, subject, body string) {
		data := []byte("From: <a@example.nl>\r\nSubject: " + strings.Trim(subject, "\r\n") + "\r\n\r\n" + body)
		if _, err := mailer.CheckWire(data); err != nil || strings.Contains(subject, "\n") {
			return // not in wire format, which Sign asks for
		}
		configs := bothKeys()[1:]
		signed := mustSign(t, data, configs...)
		if got := verifyMsgauth(t, dns(t, configs...), signed); !slices.Equal(got, []bool{true}) {
			t.Errorf("go-msgauth says %v: %q", got, signed)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	fr, fi := crowd()
	data, err := mustPrepare(b, fr).Compose(nil, fi)
	if err != nil {
		b.Fatal(err)
	}
	for name, configs := range map[string][]mailer.DKIMConfig{"rsa": bothKeys()[:1], "ed25519": bothKeys()[1:]} {
		s, err := mailer.NewSigner(configs...)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				if buf, err = s.Sign(buf[:0], data, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
