package main

import (
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
