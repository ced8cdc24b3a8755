package jobs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// Tag gives the sub-address (RFC 5233) under which a registration's answers
// arrive in the organiser's mailbox: aanmelding+TAG@. It is 16 lower-case
// letters and digits that nobody without the key can guess, and the same for
// every message of a registration, because calendars compare ORGANIZER.
func Tag(key []byte, uid string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("rsvp:" + uid))
	return strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)[:10]))
}
