package address

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// InUseError says that somebody else listens on an address.
type InUseError struct {
	// Addr is the address, Holder who listens there ("" where that cannot be
	// seen), Free another address that was free a moment ago.
	Addr, Holder, Free string
}

func (e *InUseError) Error() string {
	who := ""
	if e.Holder != "" {
		who = " by " + e.Holder
	}
	text := fmt.Sprintf("%s: address in use%s; stop that, or choose another", e.Addr, who)
	if e.Free != "" {
		text += ": --http " + e.Free
	}
	return text
}

// CheckFree returns an *InUseError if nobody new can listen on addr (host:port).
func CheckFree(ctx context.Context, addr string) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err == nil {
		return l.Close()
	}
	if !strings.Contains(err.Error(), "address already in use") {
		return fmt.Errorf("--http %s: %w", addr, err)
	}
	return &InUseError{Addr: addr, Holder: holder(addr), Free: nextFree(ctx, addr)}
}

// nextFree looks at the hundred ports above addr.
func nextFree(ctx context.Context, addr string) string {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	port, _ := strconv.Atoi(text)
	var lc net.ListenConfig
	for p := port + 1; p <= min(port+100, 65535); p++ {
		at := net.JoinHostPort(host, strconv.Itoa(p))
		if l, err := lc.Listen(ctx, "tcp", at); err == nil {
			l.Close()
			return at
		}
	}
	return ""
}

// holder finds the process that listens on addr by way of /proc; it sees only
// what the user may see and returns "" otherwise.
func holder(addr string) string {
	want, err := netip.ParseAddrPort(addr)
	if err != nil {
		return ""
	}
	inode := ""
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if inode = listenerInode(table, want); inode != "" {
			break
		}
	}
	if inode == "" {
		return ""
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && to == "socket:["+inode+"]" {
			pid := strings.Split(link, "/")[2]
			name, _ := os.ReadFile(filepath.Join("/proc", pid, "comm"))
			return fmt.Sprintf("process %s (%s)", pid, strings.TrimSpace(string(name)))
		}
	}
	return ""
}

// listenerInode finds the socket that listens on an address, or on every
// address with its port, in a table such as /proc/net/tcp.
func listenerInode(table string, want netip.AddrPort) string {
	f, err := os.Open(table)
	if err != nil {
		return ""
	}
	defer f.Close()
	const listening = "0A"
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != listening {
			continue
		}
		at, ok := parseProcAddr(fields[1])
		if ok && at.Port() == want.Port() && (at.Addr() == want.Addr() || at.Addr().IsUnspecified()) {
			return fields[9]
		}
	}
	return ""
}

// parseProcAddr reads "0100007F:1F90": words in the machine's (little-endian)
// order, the port as people write it.
func parseProcAddr(text string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	p, perr := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || perr != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.LittleEndian.Uint32(raw[i:]))
	}
	addr, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(p)), ok
}
