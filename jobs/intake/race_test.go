//go:build race

package intake_test

// streamSize: the race detector makes reading ten times slower and shows
// nothing about memory; the gigabyte is for the ordinary run.
const streamSize = 1 << 26
