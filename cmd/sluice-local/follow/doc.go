// Package follow is the short live log that `sluice-local up` shows: what the
// engine's pod logs, a line for people each.
//
// # In
//
// The engine's pods, by label, and their slog lines in JSON.
//
// # Out
//
// Lines such as "12:04:05 sync succeeded commit=1a2b3c4 applied=2".
//
// # Reads
//
// follow.go, then line.go.
package follow
