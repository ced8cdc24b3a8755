package main

import (
	"io"
	"runtime"
	"testing"
)

func TestLeaveRoom(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for _, tt := range []struct {
		name      string
		env       []string
		has, want int
	}{
		{"half", nil, 4, 2},
		{"one at least", nil, 1, 1},
		{"an operator knows better", []string{"GOMAXPROCS=4"}, 4, 4},
	} {
		runtime.GOMAXPROCS(tt.has)
		newApp(nil, io.Discard, io.Discard, tt.env).leaveRoom()
		if got := runtime.GOMAXPROCS(0); got != tt.want {
			t.Errorf("%s: %d processors, want %d", tt.name, got, tt.want)
		}
	}
}
