package main

import (
	"runtime"
	"runtime/debug"
)

// versionCmd prints which build this is.
type versionCmd struct{}

func (versionCmd) Run(a *app) error {
	v := buildVersion()
	if a.flags.JSON {
		return a.printJSON(v)
	}
	a.printf("heraut %s (%s)\n", v.Version, v.Go)
	return nil
}

type versionJSON struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
}

// buildVersion reads what the Go tool put into the binary: the module version
// (a tag, or a pseudo-version) and the commit.
func buildVersion() versionJSON {
	v := versionJSON{Version: "(devel)", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value
		}
	}
	return v
}
