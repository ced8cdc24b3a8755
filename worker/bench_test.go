package worker_test

import (
	"log/slog"
	"sync/atomic"
	"testing"

	"heraut/jobs/ledger/ledgertest"
	"heraut/jobs/queue/queuetest"
	"heraut/worker"
	"heraut/worker/mailer/smtptest"
)

// BenchmarkDeliver sends one confirmation per iteration, from the ledger to a
// server on this machine; the import is not timed.
func BenchmarkDeliver(b *testing.B) {
	b.Run("embedded", func(b *testing.B) { benchmarkDeliver(b, setup{real: true}) })
	b.Run("apart", func(b *testing.B) {
		benchmarkDeliver(b, setup{real: true, db: ledgertest.Open(b, ledgertest.Postgres(b)), redis: queuetest.Start(b).URI})
	})
}

func benchmarkDeliver(b *testing.B, s setup) {
	done := make(chan struct{})
	var taken atomic.Int64
	s.smtp.OnMail = func(smtptest.Received) {
		if taken.Add(1) == int64(b.N) {
			close(done)
		}
	}
	s.change = func(c *worker.Config) { c.Connections, c.Log = 16, slog.New(slog.DiscardHandler) }
	w := newWorld(b, s)
	w.importPeople(b, b.N)
	b.ResetTimer()
	w.start(b)
	<-done
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}
