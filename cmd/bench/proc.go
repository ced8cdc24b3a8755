package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat: Linux shows them in 1/100 s on
// every platform Go knows.
const tick = 10 * time.Millisecond

// cpuTime gives the processor time of a process and its children, running and
// ended (PostgreSQL is one process a connection).
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	total, err := parseStat(stat)
	if err != nil {
		return 0, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0, err
	}
	for child := range bytes.FieldsSeq(children) {
		n, err := strconv.Atoi(string(child))
		if err != nil {
			return 0, err
		}
		// One that ended meanwhile is in its parent's sum the next time.
		if t, err := cpuTime(n); err == nil {
			total += t
		}
	}
	return total, nil
}

// parseStat adds utime, stime, cutime and cstime of a /proc/PID/stat, see proc(5).
func parseStat(stat []byte) (time.Duration, error) {
	// The second field, the name, may hold spaces and parentheses.
	_, rest, ok := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	fields := bytes.Fields(rest)
	const utime = 14 - 3 // rest begins with field 3
	if !ok || len(fields) < utime+4 {
		return 0, fmt.Errorf("%q is no process's state", stat)
	}
	var total time.Duration
	for _, field := range fields[utime : utime+4] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(n) * tick
	}
	return total, nil
}

// memory is what a process occupies, in bytes.
type memory struct {
	resident, peak int64 // now, and the most so far
}

// memoryOf reads /proc/PID/status. A process that ended is an error.
func memoryOf(pid int) (memory, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, err
	}
	return parseStatus(string(status))
}

func parseStatus(status string) (m memory, err error) {
	found := 0
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		to := map[string]*int64{"VmRSS": &m.resident, "VmHWM": &m.peak}[key]
		if to == nil {
			continue
		}
		if _, err := fmt.Sscanf(value, "%d kB", to); err != nil {
			return m, fmt.Errorf("%s: %w", key, err)
		}
		*to <<= 10
		found++
	}
	if found != 2 {
		return m, fmt.Errorf("no memory in the state of the process: it has ended")
	}
	return m, nil
}
