package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keyFile holds the key of what nobody may guess: the tags of the organiser's
// mailbox and the Message-IDs. It lies in the data folder; workers on several
// machines need the same one, because a calendar compares the organizer of an
// update with that of the invitation.
const keyFile = "heraut.key"

// keySize is the size of the key in bytes.
const keySize = 32

// loadKey reads the key, and makes one where there is none. Several processes
// may do so at once: the first one wins and the others read its key.
func loadKey(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(path); err != nil {
			return nil, fmt.Errorf("make key: %w", err)
		}
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(data)))
	if err != nil || len(key) != keySize {
		return nil, hint(usagef("%s: not %d bytes in hexadecimal", path, keySize), "put the key back from a backup; a new one breaks the answers to invitations that were sent")
	}
	return key, nil
}

// makeKey writes a new key beside path and gives it that name only when the
// name is free, so that a key is there whole or not at all.
func makeKey(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	key := make([]byte, keySize)
	rand.Read(key) // never fails
	_, err = fmt.Fprintln(f, hex.EncodeToString(key))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
