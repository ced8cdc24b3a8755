//go:build !race

package intake_test

const streamSize = 1 << 30
