package git

import (
	"os"
	"strings"
)

// mountTable lists what is mounted where in our part of the system.
const mountTable = "/proc/self/mountinfo"

// mountedFrom is the folder, in its own file system, that is mounted at path;
// empty if path is no mount point. In a container that is where the folder
// stands on the machine now: one that was moved there is still mounted here,
// and so is one that was deleted, though nobody can reach it any more.
func mountedFrom(path string) string {
	table, err := os.ReadFile(mountTable)
	if err != nil {
		return "" // not Linux, or no /proc: nothing to find out
	}
	return fromTable(string(table), path)
}

// mountEscapes are how the table writes what would break its lines.
var mountEscapes = strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`)

// fromTable reads the lines `ID PARENT DEVICE ROOT MOUNTPOINT ...`; of several
// mounts on one point the last one is seen.
func fromTable(table, path string) string {
	path, root := mountEscapes.Replace(path), ""
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == path {
			root = fields[3]
		}
	}
	return root
}
