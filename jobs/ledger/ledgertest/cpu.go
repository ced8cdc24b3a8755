package ledgertest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// CPU gives the processor time that this process and its PostgreSQL, if it has
// one, took so far. Of the latter it is exact to the nanosecond only where the
// kernel keeps schedstat.
func CPU(t testing.TB) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	sum := time.Duration(r.Utime.Nano() + r.Stime.Nano())
	if shared.server != nil {
		sum += shared.server.cpu(t)
	}
	return sum
}

// cpu adds up the processes of the server that live now.
func (s *Server) cpu(t testing.TB) (sum time.Duration) {
	pid := s.cmd.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range append(bytes.Fields(children), strconv.AppendInt(nil, int64(pid), 10)) {
		stat, err := os.ReadFile(filepath.Join("/proc", string(child), "schedstat"))
		if err != nil {
			continue // it has ended
		}
		spent, _, _ := bytes.Cut(stat, []byte(" "))
		n, err := strconv.ParseInt(string(spent), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(n)
	}
	return sum
}
