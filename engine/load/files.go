package load

import "github.com/sluice-dev/sluice/schema"

// Files reads a whole tree at once: the settings, then every file they want.
// Where nothing is to be kept from one commit to the next this is all one
// needs.
//
// Broken settings hold back everything: all files are Unreadable then.
func Files(files []File, kinds schema.Kinds) Tree {
	var settings Settings
	var problems []schema.Problem
	for _, f := range files {
		if f.Path == SettingsPath {
			settings, problems = ReadSettings(f)
		}
	}
	held := schema.HasErrors(problems)
	parts := []Part{{Path: SettingsPath, Problems: problems}}
	for _, f := range files {
		switch {
		case held:
			parts = append(parts, Part{Path: f.Path, Unreadable: true})
		case settings.Wants(f):
			parts = append(parts, Read(f, kinds))
		}
	}
	return Join(parts)
}
