package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"heraut/templates"
)

// templatesCmd is about the templates of the mails.
type templatesCmd struct {
	Export templatesExportCmd `cmd:"" help:"Write the built-in templates to a folder, to change some of them."`
}

// templatesExportCmd writes the built-in templates. A changed one counts once
// it lies in the folder templates of the data folder.
type templatesExportCmd struct {
	Dir string `arg:"" help:"Folder to write to; made when missing, files in it are not replaced."`
}

func (c *templatesExportCmd) Run(a *app) error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	names := []string{}
	err := templates.Export(func(name string, data []byte) error {
		names = append(names, name)
		return writeNew(filepath.Join(c.Dir, name), data, 0o644)
	})
	if err != nil {
		return err
	}
	if a.flags.JSON {
		return a.printJSON(struct {
			Dir   string   `json:"dir"`
			Files []string `json:"files"`
		}{c.Dir, names})
	}
	for _, n := range names {
		a.printf("%s\n", filepath.Join(c.Dir, n))
	}
	return nil
}

// writeNew writes a file that must not exist yet: what lies there may hold
// somebody's work.
func writeNew(path string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return hint(usagef("%s exists already", path), "name another folder, or move the file away")
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
