//go:build faults

package fault

import (
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// armed is the process's specification. It is a variable because a fault hits
// a process, not a part of it; this file is in no program that sends real mail.
var armed atomic.Pointer[[]*fuse]

// Arm says what is to happen at which points, in place of what was said before;
// "" disarms. See the package comment for the language.
func Arm(spec string) error {
	fuses, clock, err := parse(spec)
	if err != nil {
		return err
	}
	armed.Store(&fuses)
	skew.mu.Lock()
	defer skew.mu.Unlock()
	skew.file, skew.off, skew.read = clock, 0, time.Time{}
	return nil
}

// At marks that the work has come to a point, with the number of the message it
// is about, or 0. It does what was armed: the error, if any, is [ErrInjected].
func At(point Point, id int64) error {
	fuses := armed.Load()
	if fuses == nil {
		return nil
	}
	var err error
	for _, f := range *fuses {
		if f.hit(point, id) {
			err = errors.Join(err, f.act())
		}
	}
	return err
}

// skew reads the file of clock:FILE, now and then.
var skew struct {
	mu   sync.Mutex
	file string // "": none
	read time.Time
	off  time.Duration
}

// Skew gives how far off the machine's clock is to seem, as the file says that
// was armed by clock:FILE; 0 without one, and while it cannot be read.
func Skew() time.Duration {
	skew.mu.Lock()
	defer skew.mu.Unlock()
	if skew.file != "" && time.Since(skew.read) > 10*time.Millisecond {
		text, _ := os.ReadFile(skew.file)
		skew.off, _ = time.ParseDuration(strings.TrimSpace(string(text)))
		skew.read = time.Now()
	}
	return skew.off
}

// act carries a fuse's action out.
func (f *fuse) act() error {
	switch f.action {
	case kill:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // it arrives in a moment, and nothing may happen in between
	case sleep:
		time.Sleep(f.pause)
	case fail:
		return ErrInjected
	case panics:
		panic("fault: injected panic at " + string(f.point))
	}
	return nil
}
