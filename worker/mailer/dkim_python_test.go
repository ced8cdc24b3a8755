package mailer_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
)

// pythonMail is a mail as testdata/verify.py understands it.
type pythonMail struct {
	Signatures []bool      `json:"signatures"` // dkimpy's verdict on each
	To         [][2]string `json:"to"`         // name and address
	Parts      [][2]string `json:"parts"`      // type and decoded octets in base64
	Names      []string    `json:"names"`      // of the attached files
}

// readPython lets Python read mails; keys are the DNS records by name. It needs
// Debian's python3-dkim.
func readPython(t *testing.T, keys map[string]string, mails ...[]byte) []pythonMail {
	t.Helper()
	job, err := json.Marshal(map[string]any{"keys": keys, "mails": mails})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/verify.py")
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(job), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("verify.py: %v (is python3-dkim installed? make deps)\n%s", err, stderr.Bytes())
	}
	var out []pythonMail
	if err := json.Unmarshal(stdout.Bytes(), &out); err != nil || len(out) != len(mails) {
		t.Fatalf("%d answers for %d mails, %v", len(out), len(mails), err)
	}
	return out
}
