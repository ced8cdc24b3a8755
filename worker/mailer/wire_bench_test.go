package mailer_test

import (
	"bytes"
	"testing"

	"heraut/worker/mailer"
)

// BenchmarkWire is what every mail pays before it is written: lines checked and
// copied, here 9.7 kB.
func BenchmarkWire(b *testing.B) {
	data := append([]byte("Subject: x\r\n\r\n"), bytes.Repeat([]byte("0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n"), 124)...)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	dst := make([]byte, 0, 2*len(data))
	for b.Loop() {
		var err error
		if dst, err = mailer.DotStuffed(dst[:0], data); err != nil {
			b.Fatal(err)
		}
	}
}
