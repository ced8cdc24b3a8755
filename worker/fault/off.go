//go:build !faults

package fault

import (
	"errors"
	"time"
)

// At marks that the work has come to a point, with the number of the message it
// is about, or 0. In this build it does nothing and gives nil.
func At(Point, int64) error { return nil }

// Skew gives how far off the machine's clock is to seem: 0 in this build.
func Skew() time.Duration { return 0 }

// Arm says what is to happen at which points. This build cannot, and refuses
// anything but "".
func Arm(spec string) error {
	if spec == "" {
		return nil
	}
	return errors.New("fault: this program was built without fault points; build it with -tags faults")
}
