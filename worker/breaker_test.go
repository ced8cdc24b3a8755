package worker

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"heraut/worker/mailer"
)

func TestOpens(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"nobody listens", &mailer.Error{Phase: mailer.PhaseConnect, Err: errors.New("connection refused")}, true},
		{"too many connections", &mailer.Error{Phase: mailer.PhaseConnect, Code: 421}, false},
		{"certificate", &mailer.Error{Phase: mailer.PhaseTLS, Err: errors.New("expired")}, true},
		{"password", &mailer.Error{Phase: mailer.PhaseAuth, Code: 535}, true},
		{"not now", &mailer.Error{Phase: mailer.PhaseAuth, Code: 454}, false},
		{"login wanted", &relayError{mailer.Result{Verdict: mailer.Permanent, Phase: mailer.PhaseMail, Code: 530}}, true},
		{"told to stop", context.Canceled, false},
	} {
		if got := opens(c.err); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// While it is open, the relay is asked seldom and the log told once a minute.
func TestBreaker(t *testing.T) {
	var log bytes.Buffer
	clock := NewFakeClock(time.Date(2026, 11, 19, 9, 0, 0, 0, time.UTC))
	b := newBreaker(slog.New(slog.NewTextHandler(&log, nil)), clock)
	refused := &mailer.Error{Phase: mailer.PhaseAuth, Code: 535, Text: "no"}
	probes, answer := 0, error(refused)
	dial := func(context.Context) error { probes++; return answer }

	b.try(t.Context(), dial)
	if probes != 0 || b.isOpen() {
		t.Fatal("it asks while all is well")
	}
	b.open(refused)
	for range 300 { // five minutes
		b.try(t.Context(), dial)
		b.open(refused) // batches that were under way
		clock.Advance(time.Second)
	}
	if probes != 0 {
		t.Errorf("%d probes while the refusals keep coming", probes)
	}
	for range 300 {
		b.try(t.Context(), dial)
		clock.Advance(time.Second)
	}
	if probes < 9 || probes > 11 {
		t.Errorf("%d probes in five minutes, want 10", probes)
	}
	if n := strings.Count(log.String(), "nothing is sent"); n < 9 || n > 11 {
		t.Errorf("%d lines in ten minutes", n)
	}
	if b.trouble() == "" || !b.isOpen() {
		t.Error("it does not say that it is open")
	}
	answer = nil
	clock.Advance(time.Minute)
	b.try(t.Context(), dial)
	if b.isOpen() || b.trouble() != "" {
		t.Error("it stays open though the relay answers")
	}
}
