package jobs_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"heraut/jobs"
)

func TestNewFile(t *testing.T) {
	pdf := []byte("%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n")
	filled := func(size int) []byte {
		return slices.Concat(pdf[:9], bytes.Repeat([]byte("x"), size-len(pdf)), pdf[9:])
	}
	for _, c := range []struct {
		name string
		data []byte
		want string // in the error; "" for none
	}{
		{"programma.pdf", pdf, ""},
		{"Één  dag – programma (2).PDF", pdf, ""},
		{"e\u0301e\u0301n.pdf", pdf, ""}, // as a Mac writes it
		{"x.pdf", filled(jobs.MaxFile), ""},
		{"x.pdf", filled(jobs.MaxFile + 1), "the file has 5242881 bytes; at most 5242880 go along"},
		{"x.pdf", nil, "empty"},
		{"x.pdf", []byte("MZ\x90\x00 %PDF-1.7 %%EOF"), "by its content it is no PDF"},
		{"x.pdf", []byte("<!doctype html><p>%PDF-1.7 %%EOF"), "by its content it is no PDF"},
		{"x.pdf", filled(5000)[:4000], "the PDF has no end"},
		{"x.pdf", append(bytes.Clone(pdf), make([]byte, 2000)...), "the PDF has no end"},
		{"programma.exe", pdf, "end in .pdf"},
		{"", pdf, "end in .pdf"},
		{".pdf", pdf, "begins with a dot"},
		{"../x.pdf", pdf, "begins with a dot"},
		{"a/x.pdf", pdf, "may not stand in it"},
		{`a\x.pdf`, pdf, "may not stand in it"},
		{`a"; x=".pdf`, pdf, "may not stand in it"},
		{"a\x00.pdf", pdf, "may not stand in it"},
		{"a\u202efdp.exe.pdf", pdf, "may not stand in it"},
		{"=?utf-8?q?x?=.pdf", pdf, "may not stand in it"},
		{"\xff.pdf", pdf, "may not stand in it"},
		{strings.Repeat("é", 50) + ".pdf", pdf, "longer than 100 bytes"},
	} {
		f, err := jobs.NewFile(c.name, c.data)
		if c.want == "" {
			if a := f.Attachment(); err != nil || a.Name != strings.Join(strings.Fields(c.name), " ") || a.Size != len(c.data) || len(a.SHA256) != 64 {
				t.Errorf("%q: %v, %+v", c.name, err, a)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) || f.Data != nil {
			t.Errorf("%q: error %v, want %q", c.name, err, c.want)
		}
	}
}
