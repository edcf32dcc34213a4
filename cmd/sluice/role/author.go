package role

import (
	"os"
	"path/filepath"

	"github.com/sluice-dev/sluice/cmd/sluice/install"
	"github.com/sluice-dev/sluice/engine"
)

// author signs the engine's own commits: as the Git Secret's key signing-key,
// an SSH private key, if it has one.
func author(s install.Settings) engine.Author {
	a := engine.Author{Name: "Sluice", Email: "sluice@" + s.Domain}
	if key := filepath.Join(install.GitSecretDir, "signing-key"); s.GitSecret != "" {
		if _, err := os.Stat(key); err == nil {
			a.SigningKeyFile = key
		}
	}
	return a
}
