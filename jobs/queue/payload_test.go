package queue_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/queue"
)

// decoders reads each kind of payload, for tests that hold for all.
var decoders = map[string]func(data []byte) (any, error){
	queue.KindDeliver:  func(data []byte) (any, error) { return queue.DecodeDeliver(data) },
	queue.KindExpand:   func(data []byte) (any, error) { return queue.DecodeExpand(data) },
	queue.KindSend:     func(data []byte) (any, error) { return queue.DecodeSend(data) },
	queue.KindReceived: func(data []byte) (any, error) { return queue.DecodeReceived(data) },
}

func TestPayloadRoundTrip(t *testing.T) {
	at := time.Date(2026, 11, 10, 8, 0, 0, 0, time.UTC)
	for _, want := range []interface{ Encode() ([]byte, error) }{
		queue.Expand{Name: "uitnodiging-najaar"},
		queue.Send{Name: "a", Count: 1},
		queue.Send{Name: "uitnodiging-najaar", Count: 20_000, By: "Zoë", At: at},
		queue.Received{Event: "workshop", Email: "zoe@example.org"},
		queue.Received{Event: "workshop", Email: "zoe@example.org", Name: "Zoë de Vries", GivenName: "Zoë", Organisation: "Gemeente", Lang: "nl", Tags: []string{"vip"}},
	} {
		data, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		kind := map[string]string{"queue.Expand": queue.KindExpand, "queue.Send": queue.KindSend, "queue.Received": queue.KindReceived}[reflect.TypeOf(want).String()]
		got, err := decoders[kind](data)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", data, got, err)
		}
	}
}

func TestPayloadRefused(t *testing.T) {
	long := strings.Repeat("x", 20<<10)
	tests := map[string][]string{
		queue.KindExpand: {
			``, `null`, `[]`, `{}`, `{"v":1}`, `{"v":1,"name":""}`, `{"v":1,"name":"Najaar"}`, `{"v":1,"name":"a b"}`, `{"v":1,"name":"../a"}`,
			`{"v":0,"name":"a"}`, `{"name":"a"}`, `{"v":"1","name":"a"}`, `{"v":1,"name":"a","extra":1}`, `{"v":1,"name":"a"} x`,
			`{"v":1,"name":"` + long + `"}`, `{"v":1,"name":"a"` + strings.Repeat(" ", 5000) + `}`,
		},
		queue.KindSend: {
			`{"v":1,"name":"a"}`, `{"v":1,"name":"a","count":0}`, `{"v":1,"name":"a","count":-1}`, `{"v":1,"name":"a","count":"3"}`, `{"v":1,"name":"a","count":1.5}`,
			`{"v":1,"count":3}`, `{"v":1,"name":"a","count":3,"at":"tomorrow"}`, `{"v":1,"name":"a","count":3,"at":"2026-11-10"}`, `{"v":1,"name":"a","count":3,"at":"1026-11-10T09:00:00Z"}`,
			`{"v":1,"name":"a","count":3,"by":"x\ny"}`, `{"v":1,"name":"a","count":3,"by":"` + strings.Repeat("x", 201) + `"}`, `{"v":1,"name":"a","count":3,"force":true}`,
		},
		queue.KindReceived: {
			`{"v":1}`, `{"v":1,"event":"workshop"}`, `{"v":1,"email":"zoe@example.org"}`, `{"v":1,"event":"","email":"zoe@example.org"}`, `{"v":1,"event":"work\u0000shop","email":"zoe@example.org"}`,
			`{"v":1,"event":"workshop","email":["zoe@example.org"]}`, `{"v":1,"event":"workshop","email":"zoe@example.org","status":"registered"}`,
			`{"v":1,"event":"workshop","email":"zoe@example.org","tags":"vip"}`, `{"v":1,"event":"workshop","email":"zoe@example.org","name":"` + long + `"}`,
			`{"v":1,"event":"workshop","email":"zoe@example.org","tags":[` + strings.Repeat(`"x",`, 50) + `"x"]}`,
		},
	}
	for kind, list := range tests {
		for _, s := range list {
			got, err := decoders[kind]([]byte(s))
			if err == nil || errors.Is(err, queue.ErrVersion) {
				t.Errorf("%s %.80s: %+v, %v", kind, s, got, err)
			}
			if err != nil && strings.Contains(err.Error(), "zoe@") {
				t.Errorf("%s: the error repeats an address: %v", kind, err)
			}
		}
	}
	for _, bad := range []interface{ Encode() ([]byte, error) }{
		queue.Expand{}, queue.Expand{Name: "A"}, queue.Send{Name: "a"}, queue.Send{Count: 1}, queue.Received{Event: "workshop"},
		queue.Received{Event: "workshop", Email: long},
	} {
		if data, err := bad.Encode(); err == nil {
			t.Errorf("%+v was encoded: %.80s", bad, data)
		}
	}
}

// A payload of a later version is known as one, whatever else stands in it.
func TestLaterVersion(t *testing.T) {
	for kind, decode := range decoders {
		for _, s := range []string{
			`{"v":2}`, `{"v":2,"ids":[1],"name":"a","count":3,"event":"workshop","email":"zoe@example.org"}`, `{"name":{"nl":"x"},"ids":"all","v":2}`,
			`{"v":2,"name":"` + strings.Repeat("x", 30<<10) + `"}`,
		} {
			_, err := decode([]byte(s))
			later, ok := errors.AsType[*queue.VersionError](err)
			if !ok || later.Kind != kind || later.Version != 2 || !errors.Is(err, queue.ErrVersion) {
				t.Errorf("%s %.80s: %v", kind, s, err)
			}
		}
		for _, s := range []string{`{"v":2`, `{"v":"2"}`, `[{"v":2}]`, `{"v":2} x`, `{"v":-1}`, `{"v":1e99}`, `{"v":2,"x":"` + strings.Repeat("x", 100<<10) + `"}`} {
			if _, err := decode([]byte(s)); err == nil || errors.Is(err, queue.ErrVersion) {
				t.Errorf("%s %.80s: %v", kind, s, err)
			}
		}
	}
}

// The examples for other programs in the package's documentation are right.
func TestDocumentedPayloads(t *testing.T) {
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(source), "\n// ", "\n")
	text = strings.ReplaceAll(text, "\n//\t", "\n")
	examples := regexp.MustCompile(`(?s)\{"v":1.*?\}`).FindAllString(text, -1)
	if len(examples) != len(decoders) {
		t.Fatalf("%d examples, want one of each of %d kinds", len(examples), len(decoders))
	}
	seen := map[string]bool{}
	for _, s := range examples {
		for kind, decode := range decoders {
			if _, err := decode([]byte(s)); err == nil {
				seen[kind] = true
			}
		}
	}
	if len(seen) != len(decoders) {
		t.Errorf("only of %v an example can be read", seen)
	}
	for kind := range decoders {
		if !strings.Contains(text, kind) {
			t.Errorf("the documentation does not name %s", kind)
		}
	}
}

func FuzzPayloads(f *testing.F) {
	for _, s := range []string{
		`{"v":1,"name":"uitnodiging-najaar"}`, `{"v":1,"name":"a","count":3,"by":"intranet","at":"2026-11-10T09:00:00+01:00"}`,
		`{"v":1,"event":"workshop","email":"zoe@example.org","name":"Zoë","tags":["vip"]}`, `{"v":2,"x":[{}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for kind, decode := range decoders {
			got, err := decode(data)
			if err != nil {
				continue
			}
			if !json.Valid(data) {
				t.Fatalf("%s: %q was read, and is no JSON", kind, data)
			}
			again, err := got.(interface{ Encode() ([]byte, error) }).Encode()
			if err != nil {
				if kind == queue.KindReceived && len(data) > 2<<10 {
					continue // escaped, it may be larger than is allowed
				}
				t.Fatalf("%s: decoded %q, and cannot encode it: %v", kind, data, err)
			}
			back, err := decode(again)
			if err != nil || !equal(back, got) {
				t.Fatalf("%s: %q came back as %q: %v", kind, data, again, err)
			}
		}
	})
}

// equal compares payloads; no tags are as good as an empty list of them.
func equal(a, b any) bool {
	if r, ok := a.(queue.Received); ok && len(r.Tags) == 0 {
		r.Tags = nil
		a = r
	}
	if r, ok := b.(queue.Received); ok && len(r.Tags) == 0 {
		r.Tags = nil
		b = r
	}
	return reflect.DeepEqual(a, b)
}

// A campaign is in the queue once, as long as it is there; a later generation is
// another task.
func TestEnqueueExpand(t *testing.T) {
	each(t, func(t *testing.T, c *queue.Conn) {
		for _, generation := range []int64{1, 1, 2} {
			if err := c.EnqueueExpand(t.Context(), "najaar", generation); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.EnqueueExpand(t.Context(), "Najaar", 1); err == nil {
			t.Error("a name that is none was enqueued")
		}
		waiting, _, err := c.Backlog(t.Context(), jobs.Reminders)
		if err != nil || waiting != 2 {
			t.Errorf("%d tasks wait, want 2: %v", waiting, err)
		}
		if idle, err := c.Idle(t.Context()); err != nil || idle {
			t.Errorf("idle: %v, %v", idle, err)
		}
	})
}
