package jobs

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"strconv"
	"strings"
)

// tagLetters is base32 in small letters: people may have to type a tag.
var tagLetters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Tag gives the sub-address (RFC 5233) under which a registration's answers
// arrive in the organiser's mailbox: aanmelding+TAG@. It is 16 lower-case
// letters and digits that nobody without the key can guess, and the same for
// every message of a registration, because calendars compare ORGANIZER.
func Tag(key []byte, uid string) string {
	mac := MAC(key, "rsvp:", uid)
	var tag [16]byte
	tagLetters.Encode(tag[:], mac[:10])
	return string(tag[:])
}

// MAC gives the HMAC-SHA256 (RFC 2104) of a text, the purpose before it, which
// keeps what the key is used for apart. Every mail needs two, and crypto/hmac
// allocates seven times for one; this stays on the stack.
func MAC(key []byte, purpose, text string) [sha256.Size]byte {
	if len(key) > sha256.BlockSize {
		short := sha256.Sum256(key)
		key = short[:]
	}
	var inner, outer [sha256.BlockSize]byte
	copy(inner[:], key)
	copy(outer[:], key)
	for i := range inner {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	var space [256]byte // enough for a text of the usual length
	sum := sha256.Sum256(append(append(append(space[:0], inner[:]...), purpose...), text...))
	return sha256.Sum256(append(append(space[:0], outer[:]...), sum[:]...))
}

// UnsubscribeToken gives the token by which whoever has a campaign's mail to a
// registration may unsubscribe its address, without logging in. It is letters,
// digits and a hyphen, the same in every mail, and nobody without the key can
// make one.
func UnsubscribeToken(key []byte, registration int64) string {
	id := strconv.FormatInt(registration, 36)
	mac := MAC(key, "unsubscribe:", id)
	var code [52]byte // all 256 bits
	tagLetters.Encode(code[:], mac[:])
	return id + "-" + string(code[:])
}

// ParseUnsubscribeToken gives the registration a token is for; ok is false for
// one that [UnsubscribeToken] did not make with this key.
func ParseUnsubscribeToken(key []byte, token string) (registration int64, ok bool) {
	id, _, found := strings.Cut(token, "-")
	n, err := strconv.ParseInt(id, 36, 64)
	if !found || err != nil || n <= 0 {
		return 0, false
	}
	// In constant time, or the answer would tell how much of a guess is right.
	ok = subtle.ConstantTimeCompare([]byte(UnsubscribeToken(key, n)), []byte(token)) == 1
	return n, ok
}
