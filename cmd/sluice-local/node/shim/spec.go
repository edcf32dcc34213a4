package shim

import "path/filepath"

// Mode is how far a container is kept apart from the machine.
type Mode string

const (
	// Overlay gives each container namespaces and a writable layer over its image.
	Overlay Mode = "overlay"
	// Copy gives each container namespaces and a private copy of its image's files.
	Copy Mode = "copy"
	// Bare gives nothing: the process runs on the machine's own file system.
	Bare Mode = "bare"
)

// Isolated says whether containers of this mode have a root of their own.
func (m Mode) Isolated() bool { return m != Bare }

// Spec describes a container's root and its first process.
type Spec struct {
	// Mode is what Detect found; in Bare, Lower is the image and no mount is made.
	Mode Mode
	// Dir is a private directory of the container, with room for its root.
	Dir string
	// Lower is the directory that holds the image's files.
	Lower string
	// Mounts are made in this order; a later one may lie in an earlier one.
	Mounts []Mount
	// ReadOnlyRoot makes everything outside of the mounts unwritable.
	ReadOnlyRoot bool
	// Hostname is what the container calls itself; empty keeps the machine's.
	Hostname string
	// Command is the container's process; nothing to run when Args is empty.
	Command Command
}

// Merged is the directory that becomes the container's root. In mode Copy the
// image's files have to be there before the start.
func (s Spec) Merged() string { return filepath.Join(s.Dir, mergedName) }

// Mount is a directory or file of the machine that the container sees.
type Mount struct {
	// Source is an absolute path on the machine.
	Source string
	// Target is an absolute path in the container; it is created as needed.
	Target string
	// ReadOnly refuses writes below Target.
	ReadOnly bool
}

// Command is one process.
type Command struct {
	// Args is the program, looked up in Env's PATH, and its arguments.
	Args []string
	// Env is complete: nothing is inherited.
	Env []string
	// Dir is the working directory in the container; empty is /.
	Dir string
	// UID and GID are the identity inside of the container.
	UID, GID uint32
	// Groups are supplementary; they need root.
	Groups []uint32
	// TTY makes the process's standard input its controlling terminal.
	TTY bool
}

// Exit is how a process ended.
type Exit struct {
	// Code is the exit status, or 128 + Signal.
	Code int
	// Signal that ended the process; 0 if it exited by itself.
	Signal int
}

// request is what a node tells a shim; exactly one field counts.
type request struct {
	// ID names the process that Signal or Exec is about; 0 is the first.
	ID int
	// Start carries three files: standard input, output and error.
	Start *Spec `json:",omitempty"`
	// Exec carries three files as well.
	Exec *Command `json:",omitempty"`
	// Signal is sent to the process alone; SIGKILL to the first ends everything.
	Signal int `json:",omitempty"`
}

// report is what a shim tells its node.
type report struct {
	ID      int
	Started bool   `json:",omitempty"`
	Error   string `json:",omitempty"`
	Exit    *Exit  `json:",omitempty"`
}

// spawn is what a node tells its keeper; it carries the shim's socket.
type spawn struct {
	Isolated bool
}
