package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// initFiles are the files to start from. The demo takes its programme from
// here too.
//
//go:embed init
var initFiles embed.FS

// initNames gives the names of those files, the one to read first in front.
func initNames() []string { return []string{"heraut.yaml", "programme.yaml", "registrations.csv"} }

// initFile gives the text of one of them.
func initFile(name string) ([]byte, error) { return initFiles.ReadFile("init/" + name) }

// initCmd writes the files to start from.
type initCmd struct {
	Dir string `arg:"" optional:"" default:"." help:"Folder to write to; made when missing, nothing in it is replaced."`
}

func (c *initCmd) Run(a *app) error {
	// Looked at before anything is written: half a set helps nobody.
	for _, name := range initNames() {
		path := filepath.Join(c.Dir, name)
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return hint(usagef("%s exists already; nothing was written", path), "name another folder: heraut init DIR")
		}
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	written := []string{}
	for _, name := range initNames() {
		data, err := initFile(name)
		if err != nil {
			return fmt.Errorf("init: %w", err)
		}
		path := filepath.Join(c.Dir, name)
		if err := writeNew(path, data, 0o644); err != nil {
			return err
		}
		written = append(written, path)
	}
	if a.flags.JSON {
		return a.printJSON(struct {
			Files []string `json:"files"`
		}{written})
	}
	a.printf(a.words.InitDone+"\n", c.Dir)
	return nil
}
