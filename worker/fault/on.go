//go:build faults

package fault

import (
	"errors"
	"os"
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
	fuses, err := parse(spec)
	if err == nil {
		armed.Store(&fuses)
	}
	return err
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
