package mailer

import "encoding/base64"

// base64Line is how many octets make one full line of base64.
const base64Line = maxEncodedLine / 4 * 3

// appendBase64 appends data in lines of base64 (RFC 2045 §6.8); only the last may
// be a short one.
func appendBase64(dst, data []byte) []byte {
	for len(data) > 0 {
		n := min(len(data), base64Line)
		dst = base64.StdEncoding.AppendEncode(dst, data[:n])
		dst = append(dst, '\r', '\n')
		data = data[n:]
	}
	return dst
}
