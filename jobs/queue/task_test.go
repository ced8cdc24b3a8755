package queue_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"heraut/jobs/queue"
)

func TestDeliverRoundTrip(t *testing.T) {
	full := make([]int64, queue.MaxBatch)
	for i := range full {
		full[i] = math.MaxInt64 - int64(i)
	}
	for _, ids := range [][]int64{{1}, {3, 1, 2}, full} {
		data, err := queue.Deliver{IDs: ids}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := queue.DecodeDeliver(data)
		if err != nil || !slices.Equal(got.IDs, ids) {
			t.Errorf("%s: %v, %v", data, got.IDs, err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, ids := range [][]int64{nil, {0}, {-1}, {1, 1}, make([]int64, queue.MaxBatch+1)} {
		if data, err := (queue.Deliver{IDs: ids}).Encode(); err == nil {
			t.Errorf("%d ids: %s", len(ids), data)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []string{
		``, `null`, `[]`, `{}`, `{"v":1}`, `{"v":1,"ids":[]}`, `{"v":1,"ids":null}`,
		`{"ids":[1]}`, `{"v":0,"ids":[1]}`, `{"v":2,"ids":[1]}`, `{"v":"1","ids":[1]}`,
		`{"v":1,"ids":[0]}`, `{"v":1,"ids":[-1]}`, `{"v":1,"ids":[1.5]}`, `{"v":1,"ids":["1"]}`, `{"v":1,"ids":[1,1]}`,
		`{"v":1,"ids":[9223372036854775808]}`,
		`{"v":1,"ids":[1],"to":"x"}`, `{"v":1,"ids":[1]}{"v":1,"ids":[2]}`, `{"v":1,"ids":[1]} x`,
		`{"v":1,"ids":[` + strings.Repeat("1,", 100) + `1]}`,
		`{"v":1,"ids":[1` + strings.Repeat(" ", 3000) + `]}`,
	}
	for _, s := range tests {
		if d, err := queue.DecodeDeliver([]byte(s)); err == nil {
			t.Errorf("%.60s: %v", s, d.IDs)
		}
	}
}

func FuzzDecodeDeliver(f *testing.F) {
	f.Add([]byte(`{"v":1,"ids":[1,2,3]}`))
	f.Add([]byte(`{"v":2,"ids":[1]}`))
	f.Add([]byte(`{"v":1,"ids":[1],"x":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := queue.DecodeDeliver(data)
		if err != nil {
			return
		}
		again, err := d.Encode()
		if err != nil {
			t.Fatalf("decoded %q, and cannot encode it: %v", data, err)
		}
		back, err := queue.DecodeDeliver(again)
		if err != nil || !slices.Equal(back.IDs, d.IDs) {
			t.Fatalf("%q came back as %q: %v", data, bytes.TrimSpace(again), err)
		}
	})
}
