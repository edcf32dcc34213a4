package address

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func take(t *testing.T, dir string) *Claim {
	t.Helper()
	c, err := Take(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestTake_TwoDirectoriesGetTwoBlocks(t *testing.T) {
	a, b := take(t, t.TempDir()), take(t, t.TempDir())
	if a.Block == b.Block || a.Block.Pods().Overlaps(b.Block.Pods()) {
		t.Errorf("both got %v", a.Block.Pods())
	}
	if got := a.API.Addr().String(); got != a.Block.API().String() {
		t.Errorf("listens on %s, want %s", got, a.Block.API())
	}
}

func TestTake_KeepsTheBlock(t *testing.T) {
	dir := t.TempDir()
	first := take(t, dir)
	first.Close()
	if again := take(t, dir); again.Block != first.Block {
		t.Errorf("block %v, then %v", first.Block.Pods(), again.Block.Pods())
	}
	if kept, err := Kept(dir); err != nil || kept != first.Block {
		t.Errorf("Kept = %v, %v", kept.Pods(), err)
	}
}

func TestTake_MovesWhenAStrangerHoldsTheBlock(t *testing.T) {
	dir := t.TempDir()
	first := take(t, dir) // stays open: the stranger
	moved := take(t, dir)
	if moved.Block == first.Block {
		t.Error("two claims of one block")
	}
	if kept, err := Kept(dir); err != nil || kept != moved.Block {
		t.Errorf("Kept = %v, %v; want %v", kept.Pods(), err, moved.Block.Pods())
	}
}

func TestTake_IgnoresADamagedFile(t *testing.T) {
	for _, text := range []string{"", "127", "127.9.0.1", "127.251.0.1", "127.300.0.1", "10.20.0.1", "127.-1.0.1"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, fileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, ok := read(dir); ok {
			t.Errorf("%q reads as %v", text, b.Pods())
		}
	}
}

func TestKept_SaysHowToGetOne(t *testing.T) {
	if _, err := Kept(t.TempDir()); err == nil || !strings.Contains(err.Error(), "sluice-local up --dir") {
		t.Errorf("error = %v", err)
	}
}

func TestCheckFree_NamesTheHolderAndAnother(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "0.0.0.0"} {
		l, err := net.Listen("tcp", host+":0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		err = CheckFree(t.Context(), fmt.Sprintf("127.0.0.1:%d", port))
		var used *InUseError
		if !errors.As(err, &used) {
			t.Fatalf("error = %v, want InUseError", err)
		}
		if want := fmt.Sprintf("process %d (", os.Getpid()); !strings.HasPrefix(used.Holder, want) {
			t.Errorf("holder %q, want %q", used.Holder, want)
		}
		if err := CheckFree(t.Context(), used.Free); err != nil {
			t.Errorf("the alternative is not free: %v", err)
		}
	}
	if err := CheckFree(t.Context(), "127.0.0.1:x"); err == nil {
		t.Error("no error for a port that is none")
	}
}

func TestParseProcAddr(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:1F90":                         "127.0.0.1:8080",
		"00000000000000000000000001000000:0050": "[::1]:80",
		"0000000000000000FFFF00000100007F:0001": "127.0.0.1:1",
	} {
		if got, ok := parseProcAddr(text); !ok || got != netip.MustParseAddrPort(want) {
			t.Errorf("%s = %v, %v; want %s", text, got, ok, want)
		}
	}
}

func FuzzParseProcAddr(f *testing.F) {
	f.Add("0100007F:1F90")
	f.Fuzz(func(t *testing.T, text string) {
		if got, ok := parseProcAddr(text); ok && !got.IsValid() {
			t.Errorf("%q reads as an address that is none", text)
		}
	})
}
