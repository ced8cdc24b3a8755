package main

import "heraut/worker/fault"

// armFaults arms the fault points of a test build (go build -tags faults). A
// program that has none refuses the variable, so that nobody takes a fault for
// injected that was not.
func (a *app) armFaults() error {
	if err := fault.Arm(a.env[envFault]); err != nil {
		return &usageError{err}
	}
	return nil
}
