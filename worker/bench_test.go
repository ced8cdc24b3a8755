package worker_test

import (
	"log/slog"
	"net"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger/ledgertest"
	"heraut/jobs/queue/queuetest"
	"heraut/worker"
	"heraut/worker/mailer"
)

// BenchmarkDeliver sends one confirmation per iteration, from the ledger to
// postfix's smtp-sink, and ends when the last is recorded; the import is not
// timed. `make bench` measures the same from outside; this one is to profile:
//
//	go test -run '^$' -bench Deliver/sqlite -benchtime 20000x -cpuprofile cpu.out ./worker
//
// The PostgreSQL of the tests does not write through to the disk.
func BenchmarkDeliver(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkDeliver(b, setup{real: true, redis: queuetest.Start(b).URI}) })
	b.Run("embedded", func(b *testing.B) { benchmarkDeliver(b, setup{real: true}) })
	b.Run("postgres", func(b *testing.B) {
		benchmarkDeliver(b, setup{real: true, db: ledgertest.Open(b, ledgertest.Postgres(b)), redis: queuetest.Start(b).URI})
	})
}

func benchmarkDeliver(b *testing.B, s setup) {
	dialer, err := mailer.NewDialer(mailer.Config{URL: "smtp://" + startSink(b), TLS: mailer.TLSNone})
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	var sent atomic.Int64
	s.change = func(c *worker.Config) {
		c.Connections, c.Log, c.Dialer = 32, slog.New(slog.DiscardHandler), dialer
		c.OnOutcome = func(_ jobs.Claim, o jobs.Outcome) {
			if o.State == jobs.Sent && sent.Add(1) == int64(b.N) {
				close(done)
			}
		}
	}
	w := newWorld(b, s)
	w.importPeople(b, b.N)
	b.ResetTimer()
	w.start(b)
	<-done
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

// startSink starts smtp-sink and gives its address.
func startSink(b *testing.B) string {
	b.Helper()
	program, err := exec.LookPath("smtp-sink")
	if err != nil {
		b.Fatalf("%v: install Debian's postfix", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	sink := exec.Command(program, "-u", "nobody", addr, "1000")
	if err := sink.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = sink.Process.Kill(); _ = sink.Wait() })
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Fatal("smtp-sink does not listen")
	return ""
}
