//go:build !faults

package fault_test

import (
	"testing"

	"heraut/worker/fault"
)

// Somebody who asks an ordinary build for a fault has to hear that there will
// be none.
func TestOrdinaryBuildRefuses(t *testing.T) {
	if err := fault.Arm("claimed:kill"); err == nil {
		t.Error("armed an ordinary build")
	}
	if err := fault.Arm(""); err != nil {
		t.Error(err)
	}
	if err := fault.At(fault.Claimed, 1); err != nil {
		t.Error(err)
	}
}

func TestOrdinaryBuildCostsNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { _ = fault.At(fault.Rendering, 7) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
