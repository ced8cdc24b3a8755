package jobs_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"testing"

	"heraut/jobs"
)

// The organizer's tags and Message-IDs of every mail that was ever sent are
// those of crypto/hmac.
func TestMACIsHMAC(t *testing.T) {
	for _, size := range []int{0, 16, 32, 63, 64, 65, 200} {
		for _, length := range []int{0, 20, 191, 192, 193, 1000} {
			key, text := bytes.Repeat([]byte{'k'}, size), strings.Repeat("é", length/2)
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte("purpose:" + text))
			if got := jobs.MAC(key, "purpose:", text); !hmac.Equal(got[:], mac.Sum(nil)) {
				t.Errorf("a key of %d bytes, a text of %d: %x", size, len(text), got)
			}
		}
	}
	key := []byte("0123456789abcdef")
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("rsvp:uid@example.nl"))
	if got, want := jobs.Tag(key, "uid@example.nl"), strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)[:10])); got != want {
		t.Errorf("tag %q, want %q", got, want)
	}
}
