package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"heraut/jobs/ledger"
)

const (
	// keySecret is the key's name in the ledger.
	keySecret = "tag-key"
	// keyFile is where the key was before it was in the ledger: in the data
	// folder, in hexadecimal.
	keyFile = "heraut.key"
	// keySize is the size of the key in bytes.
	keySize = 32
)

// secretStore keeps a secret that all processes share; see [ledger.DB.Secret].
type secretStore interface {
	Secret(ctx context.Context, name string, fresh []byte) ([]byte, error)
}

// tagKey gives the key of what nobody may guess: the tags of the organiser's
// mailbox and the Message-IDs. All workers need the same one, for ever, because
// a calendar compares the organizer of an update with that of the invitation:
// so it is in the ledger. A file of an older version at path becomes the
// ledger's key when that has none, and stays where it is.
func tagKey(ctx context.Context, store secretStore, path string, log *slog.Logger) ([]byte, error) {
	old, oldErr := readKeyFile(path)
	fresh := old
	if oldErr == nil && old == nil {
		fresh = make([]byte, keySize)
		rand.Read(fresh) // never fails
	}
	key, err := store.Secret(ctx, keySecret, fresh)
	switch {
	case err != nil && oldErr != nil && errors.Is(err, ledger.ErrNotFound):
		// Not replaced by a new one: invitations that are out refer to it.
		return nil, hint(&usageError{oldErr}, "put the file back from a backup; with a new key, calendars take no updates of invitations that were sent")
	case err != nil:
		return nil, fmt.Errorf("key: %w", err)
	case oldErr != nil:
		log.Warn("the old key file cannot be read and is not needed: the key is in the ledger", "error", oldErr)
	case old != nil && !bytes.Equal(old, key):
		log.Warn("the old key file holds another key than the ledger, which counts; the file is not needed", "file", path)
	case old != nil:
		log.Info("the key is in the ledger; the old key file is no longer needed", "file", path)
	}
	return key, nil
}

// readKeyFile reads the key of an older version; nil without an error when
// there is no file.
func readKeyFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(data)))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("read key: %s: not %d bytes in hexadecimal", path, keySize)
	}
	return key, nil
}
