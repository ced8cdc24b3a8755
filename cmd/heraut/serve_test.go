package main

import (
	"io"
	"runtime"
	"testing"
)

func TestLeaveRoom(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	const server = "postgres://heraut@db.example/heraut"
	for _, tt := range []struct {
		name      string
		database  string
		env       []string
		has, want int
	}{
		{"half", server, nil, 4, 2},
		{"one at least", server, nil, 1, 1},
		{"an operator knows better", server, []string{"GOMAXPROCS=4"}, 4, 4},
		{"no server", "sqlite", nil, 4, 4},
	} {
		runtime.GOMAXPROCS(tt.has)
		newApp(nil, io.Discard, io.Discard, tt.env).leaveRoom(&config{Database: tt.database})
		if got := runtime.GOMAXPROCS(0); got != tt.want {
			t.Errorf("%s: %d processors, want %d", tt.name, got, tt.want)
		}
	}
}
