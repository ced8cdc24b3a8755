package mailer_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"heraut/worker/mailer"
)

const sinkSessions = 16

// BenchmarkSink sends mails of 9.7 kB to postfix's smtp-sink over 16 kept
// connections: postfix's own smtp-source, then our session command by command,
// pipelined, and with the next envelope in the same write as the mail before.
// The CPU columns are this process alone, per mail.
//
//	go test -run '^$' -bench Sink -benchtime 100000x ./worker/mailer
func BenchmarkSink(b *testing.B) {
	b.Run("smtp-source", func(b *testing.B) {
		addr := startSink(b)
		b.ResetTimer()
		out, err := exec.CommandContext(b.Context(), tool(b, "smtp-source"), "-d", "-s", strconv.Itoa(sinkSessions), "-l", "9700",
			"-m", strconv.Itoa(b.N), "-f", "a@example.nl", "-t", "b@example.org", addr).CombinedOutput()
		if err != nil {
			b.Fatalf("smtp-source: %v\n%s", err, out)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
	})
	b.Run("in turn", func(b *testing.B) { benchSink(b, startSink(b, "-p"), false) })
	b.Run("pipelined", func(b *testing.B) { benchSink(b, startSink(b), false) })
	b.Run("next", func(b *testing.B) { benchSink(b, startSink(b), true) })
}

func benchSink(b *testing.B, addr string, next bool) {
	d, err := mailer.NewDialer(noTLS("smtp://" + addr))
	if err != nil {
		b.Fatal(err)
	}
	data := append([]byte("Subject: x\r\n\r\n"), bytes.Repeat([]byte("0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n"), 124)...)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var left atomic.Int64
	left.Store(int64(b.N))
	before := cpu(b)
	b.ResetTimer()
	b.ReportAllocs()
	var wg sync.WaitGroup
	for range sinkSessions {
		wg.Go(func() {
			s, err := d.Dial(ctx)
			if err != nil {
				b.Error(err)
				return
			}
			defer s.Close()
			t := mailer.Transaction{Envelope: envelope(), Data: data, BeforeDot: func(context.Context) error { return nil }}
			for last := false; !last; {
				n := left.Add(-1)
				if n < 0 {
					return
				}
				// Each session keeps one mail in hand, as it has to know whether one follows.
				if last = n < sinkSessions; next && !last {
					t.Next = &t.Envelope
				} else {
					t.Next = nil
				}
				if r := s.Send(ctx, t); r.Verdict != mailer.Accepted {
					b.Errorf("result %+v", r)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	used := cpu(b)
	mails := float64(b.N)
	b.ReportMetric(mails/b.Elapsed().Seconds(), "mails/s")
	b.ReportMetric((used[0]-before[0])/mails, "user-µs/mail")
	b.ReportMetric((used[1]-before[1])/mails, "kernel-µs/mail")
}

// cpu gives the time this process used so far, of its own and in the kernel, in µs.
func cpu(b *testing.B) [2]float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	micros := func(t syscall.Timeval) float64 { return float64(t.Sec)*1e6 + float64(t.Usec) }
	return [2]float64{micros(u.Utime), micros(u.Stime)}
}

func tool(b *testing.B, name string) string {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		b.Fatalf("%s is not installed: apt-get install postfix (or the package that has it)", name)
	}
	return path
}

// startSink runs smtp-sink on a free port until the benchmark ends.
func startSink(b *testing.B, args ...string) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr = l.Addr().String()
	l.Close()
	if os.Geteuid() == 0 {
		args = append(args, "-u", "nobody")
	}
	cmd := exec.CommandContext(b.Context(), tool(b, "smtp-sink"), append(args, addr, "128")...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr
		}
	}
	b.Fatal("smtp-sink does not answer")
	return ""
}
