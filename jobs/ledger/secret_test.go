package ledger_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

// TestSecret has several processes bring a secret of their own at once: one is
// kept, and all get that one.
func TestSecret(t *testing.T) {
	ledgertest.EachURL(t, func(t *testing.T, url string) {
		if _, err := ledgertest.Open(t, url).Secret(t.Context(), "links", nil); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("none there and none brought: %v", err)
		}
		got := make([]string, 6)
		var all sync.WaitGroup
		for i := range got {
			db := ledgertest.Open(t, url)
			all.Go(func() {
				value, err := db.Secret(t.Context(), "links", fmt.Appendf(nil, "\x00\xff%d", i))
				if err != nil {
					t.Error(err)
				}
				got[i] = string(value)
			})
		}
		all.Wait()
		for _, value := range got[1:] {
			equal(t, "secret", value, got[0])
		}
		again, err := ledgertest.Open(t, url).Secret(t.Context(), "links", nil)
		if err != nil || string(again) != got[0] {
			t.Errorf("later: %q, %v", again, err)
		}
		other, err := ledgertest.Open(t, url).Secret(t.Context(), "other", []byte("b"))
		if err != nil || string(other) != "b" {
			t.Errorf("another name: %q, %v", other, err)
		}
	})
}
