package examples

import "embed"

// Files holds the stories that the one-machine cluster starts from.
//
//go:embed hello/specs hello/app
var Files embed.FS
