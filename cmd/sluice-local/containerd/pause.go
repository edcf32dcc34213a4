package containerd

import (
	"embed"
	"io/fs"
)

//go:embed pause/main.go
var pause embed.FS

// PauseSource is the program that holds a pod's namespaces. Its image is made
// on the machine: there is nowhere to pull one from.
func PauseSource() fs.FS {
	files, err := fs.Sub(pause, "pause")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return files
}
