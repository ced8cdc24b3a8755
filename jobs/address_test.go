package jobs_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"heraut/jobs"
)

func TestParseAddress(t *testing.T) {
	long := strings.Repeat("a", 64)
	for _, c := range []struct{ in, want string }{
		{"jan@example.nl", "jan@example.nl"},
		{" Jan@Example.NL\t", "Jan@example.nl"},
		{"jan+a.b-c_d@sub.example.nl", "jan+a.b-c_d@sub.example.nl"},
		{"!#$%&'*+-/=?^_`{|}~@example.nl", "!#$%&'*+-/=?^_`{|}~@example.nl"},
		{"jan@münchen.example", "jan@xn--mnchen-3ya.example"},
		{"jan@XN--MNCHEN-3YA.example", "jan@xn--mnchen-3ya.example"},
		{"jan@example。nl", "jan@example.nl"},
		{"jan@ｅxample.nl", "jan@example.nl"},
		{"josé@example.nl", "josé@example.nl"},
		{long + "@example.nl", long + "@example.nl"},
		{"", ""}, {" ", ""}, {"jan", ""}, {"@", ""}, {"jan@", ""}, {"@example.nl", ""}, {"jan@nl", ""},
		{"jan@piet@example.nl", ""}, {"mailto:jan@example.nl", ""}, {"jan@example.nl:25", ""},
		{"jan@example.nl, piet@example.nl", ""}, {"jan@example.nl;piet@example.nl", ""},
		{"Jan <jan@example.nl>", ""}, {"<jan@example.nl>", ""}, {"jan(x)@example.nl", ""}, {`"jan"@example.nl`, ""}, {`jan\@example.nl`, ""},
		{"jan@[192.0.2.1]", ""}, {"jan@192.0.2.1", ""}, {"jan@[IPv6:2001:db8::1]", ""},
		{"jan\r\n@example.nl", ""}, {"jan@example.nl\r\nBcc: x@example.org", ""}, {"jan\x00@example.nl", ""}, {"jan\x7f@example.nl", ""},
		{"jan de@example.nl", ""}, {"jan@exa mple.nl", ""}, {"jan\u2028@example.nl", ""},
		{"jan\u202e@example.nl", ""}, {"ja\u00adn@example.nl", ""}, {"jan@exam\u200bple.nl", ""}, {"\ufeffjan@example.nl", ""},
		{"jan\xff@example.nl", ""}, {"jan\ufffd@example.nl", ""},
		{".jan@example.nl", ""}, {"jan.@example.nl", ""}, {"j..n@example.nl", ""},
		{"jan@.example.nl", ""}, {"jan@example.nl.", ""}, {"jan@example..nl", ""}, {"jan@-example.nl", ""}, {"jan@example-.nl", ""}, {"jan@ex_ample.nl", ""},
		{"jan@xn--zzzzzzzzz.example", ""},
		{long + "a@example.nl", ""}, {"jan@" + long + ".nl", ""},
		{long + "@" + strings.Repeat("a.", 94) + "nl", ""},
	} {
		got, err := jobs.ParseAddress(c.in)
		if got.String() != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: got %q, %v; want %q", c.in, got, err, c.want)
		}
		if err != nil && len(strings.TrimSpace(c.in)) > 3 && strings.Contains(err.Error(), strings.TrimSpace(c.in)) {
			t.Errorf("%q: the error repeats it: %v", c.in, err)
		}
	}
}

func TestAddressParts(t *testing.T) {
	a, err := jobs.ParseAddress("Jan@Bücher.example")
	if err != nil {
		t.Fatal(err)
	}
	if a.Local() != "Jan" || a.Domain() != "xn--bcher-kva.example" || a.Key() != "jan@xn--bcher-kva.example" {
		t.Errorf("got %q, %q, %q", a.Local(), a.Domain(), a.Key())
	}
	b, err := jobs.ParseAddress("jan@bücher.EXAMPLE")
	if err != nil || a.Key() != b.Key() {
		t.Errorf("%q and %q are one mailbox: %v", a.Key(), b.Key(), err)
	}
	if s := (jobs.Address{}).String(); s != "" {
		t.Errorf("the zero address is %q", s)
	}
}

func TestSubAddress(t *testing.T) {
	a, err := jobs.ParseAddress("Team@Bücher.example")
	if err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]string{
		"abc-1": "Team+abc-1@xn--bcher-kva.example", strings.Repeat("a", 59): "Team+" + strings.Repeat("a", 59) + "@xn--bcher-kva.example",
		"": "", "a b": "", "A": "", "a@b": "", "a.b": "", strings.Repeat("a", 60): "",
	} {
		sub, err := a.Sub(tag)
		if sub.String() != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", tag, sub, err, want)
		}
		if parsed, _ := jobs.ParseAddress(want); parsed != sub {
			t.Errorf("%q: parsed it is %#v, not %#v", tag, parsed, sub)
		}
	}
	if sub, err := (jobs.Address{}).Sub("a"); err == nil {
		t.Errorf("no address has the sub-address %q", sub)
	}
}

func TestAddressAsJSON(t *testing.T) {
	var v struct{ A jobs.Address }
	if err := json.Unmarshal([]byte(`{"A":"jan@example.nl"}`), &v); err != nil {
		t.Fatal(err)
	}
	if out, err := json.Marshal(v); err != nil || string(out) != `{"A":"jan@example.nl"}` {
		t.Errorf("got %s, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"A":"jan"}`), &v); err == nil {
		t.Error("a bad address was taken from JSON")
	}
}

// FuzzParseAddress: what is accepted parses to itself, and fits on a line of
// SMTP or a header.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"jan@example.nl", " Jan@MÜNCHEN.example ", "jan@xn--mnchen-3ya.example", "a@b.c", "jan@ß.example", "jan@İ.example", "x@a\u200d.example", "jan@example。nl", "a@b-c.d2e", "a@b--c.de", "a@1.2c", "a@bc.d-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := jobs.ParseAddress(s)
		if err != nil {
			if a != (jobs.Address{}) {
				t.Errorf("%q: error and address %q", s, a)
			}
			return
		}
		again, err := jobs.ParseAddress(a.String())
		if err != nil || again != a {
			t.Errorf("%q gives %q, which gives %q, %v", s, a, again, err)
		}
		// With capitals it takes the long way, which must not tell otherwise.
		if long, err := jobs.ParseAddress(a.Local() + "@" + strings.ToUpper(a.Domain())); err != nil || long != a {
			t.Errorf("%q gives %q, the long way %q, %v", s, a, long, err)
		}
		if strings.ContainsFunc(a.String(), func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) || strings.ContainsAny(a.String(), "<>,;:\"\\()") {
			t.Errorf("%q gives %q", s, a)
		}
		if strings.ContainsFunc(a.Domain(), func(r rune) bool { return r > unicode.MaxASCII || unicode.IsUpper(r) }) {
			t.Errorf("%q has domain %q", s, a.Domain())
		}
		if strings.ToLower(a.Key()) != a.Key() {
			t.Errorf("%q has key %q", s, a.Key())
		}
	})
}
