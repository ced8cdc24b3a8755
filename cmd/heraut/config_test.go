package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// What `heraut init` writes says of itself that every line is the default.
func TestInitConfigIsDefault(t *testing.T) {
	data, err := initFile("heraut.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "heraut.yaml")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := loadConfig(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.file, want.from = file, got.from
	want.resolve(dir)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("heraut.yaml of init:\n%+v\nthe defaults:\n%+v", got, want)
	}
	if got.from.Address != "noreply@example.nl" {
		t.Errorf("from %v", got.from)
	}
}

// Domains of rates are looked up as addresses have them.
func TestDomainRates(t *testing.T) {
	file := filepath.Join(t.TempDir(), "heraut.yaml")
	text := "smtp:\n  rate: 12.5\n  domain_rates: {Example.NL: 2, bücher.example: 0.5}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"example.nl": 2, "xn--bcher-kva.example": 0.5}
	if c.SMTP.Rate != 12.5 || !reflect.DeepEqual(c.SMTP.DomainRates, want) {
		t.Errorf("rates %v and %v, want 12.5 and %v", c.SMTP.Rate, c.SMTP.DomainRates, want)
	}
}

func TestDKIM(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	write("none.pem", []byte("hunter2"))
	tests := []struct {
		name, dkim string
		wrong      []string // in the error
	}{
		{"none", `{domain: "", selector: "", key_file: ""}`, nil},
		{"of the sender", `{domain: mail.example.nl, selector: a, key_file: key.pem}`, nil},
		{"above the sender", `{domain: Example.NL, selector: a.b-2, key_file: key.pem}`, nil},
		{"of another", `{domain: example.org, selector: a, key_file: key.pem}`, []string{"heraut.yaml:2: dkim.domain: ", "example.org"}},
		{"ends alike", `{domain: ample.nl, selector: a, key_file: key.pem}`, []string{"dkim.domain: ", "ample.nl"}},
		{"below the sender", `{domain: x.mail.example.nl, selector: a, key_file: key.pem}`, []string{"dkim.domain: "}},
		{"no domain", `{domain: example, selector: a, key_file: key.pem}`, []string{"dkim.domain: domain has no dot"}},
		{"no selector", `{domain: example.nl, key_file: key.pem}`, []string{"heraut.yaml:2: dkim.domain: needs dkim.selector too"}},
		{"a domain alone", `{domain: example.nl}`, []string{"needs dkim.selector and dkim.key_file too"}},
		{"bad selector", `{domain: example.nl, selector: "a b", key_file: key.pem}`, []string{"dkim.selector: "}},
		{"no file", `{domain: example.nl, selector: a, key_file: gone.pem}`, []string{"dkim.key_file: ", "no such file"}},
		{"no key", `{domain: example.nl, selector: a, key_file: none.pem}`, []string{"dkim.key_file: no PEM block"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			write("heraut.yaml", []byte("from: Heraut <heraut@mail.example.nl>\ndkim: "+tt.dkim+"\n"))
			c, err := loadConfig(filepath.Join(dir, "heraut.yaml"), nil)
			if len(tt.wrong) == 0 {
				if err != nil || (c.signer == nil) != (tt.name == "none") {
					t.Errorf("signer %v, error %v", c, err)
				}
				return
			}
			if exitCode(err) != exitUsage {
				t.Fatalf("error %v, exit code %d", err, exitCode(err))
			}
			for _, part := range tt.wrong {
				if !contains(err.Error(), part) || contains(err.Error(), "hunter2") {
					t.Errorf("error %q, want %q in it", err, part)
				}
			}
		})
	}
}

func TestPasswordFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("secret", "s3cret\n")
	tests := []struct {
		name, file string
		env        map[string]string
		password   string
		wrong      string // in the error
	}{
		{"beside the file", "smtp: {url: \"smtps://u@mail.example.nl\", password_file: secret}", nil, "s3cret", ""},
		{"from the environment", "smtp: {url: \"smtps://u@mail.example.nl\"}", map[string]string{"HERAUT_SMTP__PASSWORD": "p w"}, "p w", ""},
		{"both", "smtp: {url: \"smtps://u@mail.example.nl\", password_file: secret, password: x}", nil, "", "keep one of the two"},
		{"not there", "smtp: {url: \"smtps://u@mail.example.nl\", password_file: gone}", nil, "", "no such file"},
		{"a user without one", "smtp: {url: \"smtps://u@mail.example.nl\"}", nil, "", "a user and a password need each other"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			write("heraut.yaml", tt.file)
			c, err := loadConfig(filepath.Join(dir, "heraut.yaml"), tt.env)
			if tt.wrong != "" {
				if err == nil || !contains(err.Error(), tt.wrong) || exitCode(err) != exitUsage {
					t.Fatalf("error %v (exit code %d), want one with %q", err, exitCode(err), tt.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.SMTP.Password != tt.password {
				t.Errorf("password %q, want %q", c.SMTP.Password, tt.password)
			}
		})
	}
}
