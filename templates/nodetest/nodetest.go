// Package nodetest installs programs for Node.js that judge in tests what
// Heraut writes. It is for tests.
package nodetest

import (
	"bytes"
	"embed"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Install puts the files of one folder, and the modules that its
// package-lock.json names, in the user's cache under the given name, and gives
// that folder. Modules are fetched once a version of that file. An error comes
// from the file system or from npm.
func Install(files embed.FS, folder, name string) (dir string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	lock, err := files.ReadFile(folder + "/package-lock.json")
	if err != nil {
		return "", err
	}
	dir = filepath.Join(cache, "heraut-tests", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// go test runs packages side by side; npm does not share a folder.
	lockFile, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lockFile.Close()
	if err := syscall.Flock(int(lockFile.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	entries, err := files.ReadDir(folder)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		data, err := files.ReadFile(folder + "/" + e.Name())
		if err != nil {
			return "", err
		}
		if err := replace(filepath.Join(dir, e.Name()), data); err != nil {
			return "", err
		}
	}
	// Written when npm is done, so that an installation cut short is done again.
	done := filepath.Join(dir, ".installed")
	if was, err := os.ReadFile(done); err == nil && bytes.Equal(was, lock) {
		return dir, nil
	}
	cmd := exec.Command("npm", "ci", "--silent")
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", err
	}
	return dir, replace(done, lock)
}

// replace writes a file in one step: another package's tests may be reading it.
func replace(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
