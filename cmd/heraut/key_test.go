package main

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"heraut/jobs/ledger"
)

// openLedgers opens one new ledger n times, as n processes do.
func openLedgers(t *testing.T, n int) []*ledger.DB {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "heraut.db")
	if _, _, err := ledger.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	list := make([]*ledger.DB, n)
	for i := range list {
		db, err := ledger.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		list[i] = db
	}
	return list
}

// Processes that start at the same moment get the same key, and leave no file.
func TestTagKeyRace(t *testing.T) {
	dir := t.TempDir()
	keys := make([][]byte, 8)
	var all sync.WaitGroup
	for i, db := range openLedgers(t, len(keys)) {
		all.Go(func() {
			key, err := tagKey(t.Context(), db, filepath.Join(dir, keyFile), slog.New(slog.DiscardHandler))
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
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// The key of an older version moves into the ledger, once.
func TestTagKeyOfOlderVersion(t *testing.T) {
	db := openLedgers(t, 1)[0]
	path := filepath.Join(t.TempDir(), keyFile)
	first, second := bytes.Repeat([]byte{1}, keySize), bytes.Repeat([]byte{2}, keySize)
	for _, tt := range []struct {
		name, file string // "": no file
		key        []byte // nil: an error
		logged     string // "": nothing
	}{
		{"broken, and the only one", "abc\n", nil, ""},
		{"taken over", hex.EncodeToString(first) + "\n", first, "no longer needed"},
		{"another one later", hex.EncodeToString(second), first, "another key"},
		{"broken later", "abc", first, "cannot be read"},
		{"removed", "", first, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_ = os.Remove(path)
			if tt.file != "" {
				if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var logged strings.Builder
			key, err := tagKey(t.Context(), db, path, slog.New(slog.NewTextHandler(&logged, nil)))
			switch {
			case tt.key == nil && (exitCode(err) != exitUsage || hintOf(err) == ""):
				t.Errorf("key %x, error %v, want one of wrong use with a hint", key, err)
			case tt.key != nil && (err != nil || !bytes.Equal(key, tt.key)):
				t.Errorf("key %x, error %v, want %x", key, err, tt.key)
			}
			if !contains(logged.String(), tt.logged) || (tt.logged == "") != (logged.Len() == 0) {
				t.Errorf("logged %q, want %q", logged.String(), tt.logged)
			}
			if contains(logged.String(), "0101") {
				t.Error("the key is in the log")
			}
			if data, _ := os.ReadFile(path); string(data) != tt.file {
				t.Errorf("the file became %q", data)
			}
		})
	}
}
