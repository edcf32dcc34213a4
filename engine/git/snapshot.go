package git

import "time"

// Snapshot is a commit and what its tree lists.
type Snapshot struct {
	// Commit is what the branch, tag or hash stands for.
	Commit Commit
	// Tree is the hash of the commit's root tree. Equal trees list equal files.
	Tree string
	// Files is sorted by path, byte by byte. It is shared: read it, never
	// write to it.
	Files []Entry
	// Rewritten says that the branch was force-pushed since the last Head: the
	// commit it was at, Previous, is no ancestor of this one.
	Rewritten bool
	// Previous is the commit of the last Head; empty for the first one.
	Previous string
}

// Commit is one commit. Its texts are as the author left them: any bytes.
type Commit struct {
	// Hash is the commit's name, 40 hex digits; Parents are the names of those
	// before it, the branch's own first.
	Hash    string
	Parents []string
	// AuthorName, AuthorEmail, When and Message are what the author says.
	AuthorName, AuthorEmail string
	When                    time.Time
	// Committed is when the commit was made; a rebase changes it, and When not.
	Committed time.Time
	Message   string
}

// Entry is one file of a tree.
type Entry struct {
	// Path has forward slashes and is otherwise as in Git: any bytes but NUL.
	Path string
	// Blob is the hash of the content; of a submodule, its commit.
	Blob string
	// Size is in bytes. A remote that leaves out blobs larger than our limit
	// does not say how large they are: then it is the limit plus one. Of a
	// submodule it is 0.
	Size int64
	// Mode says whether there is content at all.
	Mode Mode
}

// Mode is what kind of thing an [Entry] is.
type Mode int

const (
	// Regular is a file.
	Regular Mode = iota
	// Executable is a file with the executable bit.
	Executable
	// Symlink is listed and never followed; its blob is the target's path.
	Symlink
	// Submodule is listed and never followed.
	Submodule
)

// IsFile reports whether the entry has content of its own.
func (m Mode) IsFile() bool { return m == Regular || m == Executable }

// String is the word for messages.
func (m Mode) String() string {
	switch m {
	case Executable:
		return "executable"
	case Symlink:
		return "symlink"
	case Submodule:
		return "submodule"
	case Regular:
	}
	return "file"
}

// Ref is a branch, tag or other reference.
type Ref struct {
	// Name is the full name, such as refs/heads/preview/blue.
	Name string
	// Commit is the hash of the commit, also behind an annotated tag.
	Commit string
}

// CommitChange is a commit and what it changed against its first parent.
type CommitChange struct {
	Commit Commit
	// Files is sorted by path. Symlinks and submodules count as no file. A
	// renamed file is one removed and one added.
	Files []FileChange
	// Cut says that the repository's history is cut off here (a shallow
	// clone): there are parents, they are not in it, and Files lists the tree.
	Cut bool
}

// FileChange is one file that a commit added, changed or removed.
type FileChange struct {
	Path string
	// OldBlob is empty for a file that was added, NewBlob for one removed.
	// Equal ones mean that only the executable bit changed.
	OldBlob, NewBlob string
}
