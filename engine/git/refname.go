package git

import "strings"

// validBranch reports whether refs/heads/name is a reference that Git allows.
func validBranch(name string) bool {
	return !strings.HasPrefix(name, "-") && validRef("refs/heads/"+name)
}

// validRef follows git check-ref-format, and asks for a leading refs/.
func validRef(name string) bool {
	if !strings.HasPrefix(name, "refs/") || strings.HasSuffix(name, ".") {
		return false
	}
	if strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.ContainsAny(name, " ~^:?*[\\") {
		return false
	}
	for i := range len(name) {
		if name[i] < 0x20 || name[i] == 0x7f {
			return false
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

// matchRef reports whether a full reference name matches a pattern as in a
// refspec: one `*` stands for any text, slashes included.
func matchRef(pattern, name string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == name
	}
	return len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}
