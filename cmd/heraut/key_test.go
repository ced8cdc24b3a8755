package main

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Processes that start at the same moment get the same key.
func TestLoadKeyRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", keyFile)
	keys := make([][]byte, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			key, err := loadKey(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	all.Wait()
	for _, key := range keys {
		if len(key) != keySize || !bytes.Equal(key, keys[0]) {
			t.Errorf("keys %x and %x", key, keys[0])
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v; want mode 0600", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".key-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A broken key is not replaced: invitations that are out refer to the old one.
func TestLoadKeyBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), keyFile)
	if err := os.WriteFile(path, []byte("abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadKey(path); exitCode(err) != exitUsage || hintOf(err) == "" {
		t.Errorf("broken key: %v", err)
	}
}
