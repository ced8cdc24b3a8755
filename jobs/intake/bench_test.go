package intake_test

import (
	"bytes"
	"io"
	"testing"

	"heraut/jobs/intake"
)

func BenchmarkCSV(b *testing.B) {
	head := []byte("Entry Id,Entry Date,Name (First),Name (Last),E-mail (Enter Email),Organisatie,Opmerkingen,Source Url,User Agent\n")
	file := append(head, streamBlock()...)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := intake.NewReader(bytes.NewReader(file), int64(len(file)), intake.Options{})
		for err == nil {
			_, err = r.Next()
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
}
