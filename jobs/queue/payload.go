package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// version is that of every payload. A later one may mean anything.
const version = 1

// maxLater is the size in bytes up to which a payload is looked through for a
// later version.
const maxLater = 64 << 10

// ErrVersion is in the error for a task of a later version: it is not wrong, and
// a newer program knows what to do with it.
var ErrVersion = errors.New("task of a later version")

// VersionError is a task of a later version than this program knows. It wraps
// [ErrVersion].
type VersionError struct {
	Kind    string
	Version int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s task of version %d; this program knows version %d", e.Kind, e.Version, version)
}

func (e *VersionError) Unwrap() error { return ErrVersion }

// decode reads the payload of a task into a struct, of the version v that is in
// it, and refuses what does not belong there. A task of a later version must
// fail here and not half work, whatever else stands in it.
func decode(kind string, data []byte, limit int, into any, v *int) error {
	err := decodeStrictly(data, limit, into)
	if err != nil || *v != version {
		var later struct {
			V int `json:"v"`
		}
		if len(data) <= maxLater && json.Unmarshal(data, &later) == nil && later.V > version {
			return &VersionError{kind, later.V}
		}
	}
	if err == nil && *v != version {
		err = fmt.Errorf("version %d, this program knows %d", *v, version)
	}
	return err
}

func decodeStrictly(data []byte, limit int, into any) error {
	if len(data) > limit {
		return fmt.Errorf("payload of %d bytes, at most %d are allowed", len(data), limit)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the payload")
	}
	return nil
}
