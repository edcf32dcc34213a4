package address

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// fileName is the file in the cluster's directory that keeps the block.
const fileName = "address"

// Claim is a block that is ours for as long as its listeners are open.
type Claim struct {
	// Block is the network.
	Block Block
	// API and Registry are open listeners on the addresses of that name.
	API, Registry net.Listener
}

// Close gives the block up. Listeners already closed by their servers do no harm.
func (c *Claim) Close() {
	c.API.Close()
	c.Registry.Close()
}

// Take claims the block that dir had last time, or, where it had none or a
// stranger holds it, the next free one, which is kept in dir.
func Take(ctx context.Context, dir string) (*Claim, error) {
	first := firstChoice(dir)
	if kept, ok := read(dir); ok {
		first = kept
	}
	const span = lastOctet - firstOctet + 1
	var why error
	for i := range span {
		b := Block{octet: firstOctet + uint8((int(first.octet)-firstOctet+i)%span)}
		claim, err := listen(ctx, b)
		if err == nil {
			return claim, write(dir, b)
		}
		why = err
	}
	return nil, fmt.Errorf("loopback network: none of 127.%d.0.0/16 to 127.%d.0.0/16 is free: %w", firstOctet, lastOctet, why)
}

// listen takes every fixed port of a block, or none.
func listen(ctx context.Context, b Block) (*Claim, error) {
	var lc net.ListenConfig
	var open []net.Listener
	for _, at := range []string{b.API().String(), b.Registry().String()} {
		l, err := lc.Listen(ctx, "tcp4", at)
		if err != nil {
			for _, o := range open {
				o.Close()
			}
			return nil, err
		}
		open = append(open, l)
	}
	return &Claim{Block: b, API: open[0], Registry: open[1]}, nil
}

// firstChoice spreads directories over the blocks, so that two clusters seldom
// want the same one.
func firstChoice(dir string) Block {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	h := fnv.New32a()
	h.Write([]byte(dir))
	return Block{octet: firstOctet + uint8(h.Sum32()%(lastOctet-firstOctet+1))}
}

// Kept is the block that dir had when it was last up.
func Kept(dir string) (Block, error) {
	if b, ok := read(dir); ok {
		return b, nil
	}
	return Block{}, errors.New(dir + ": has no address yet; start it with: sluice-local up --dir " + dir)
}

func read(dir string) (Block, bool) {
	text, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		return Block{}, false
	}
	parts := strings.Split(strings.TrimSpace(string(text)), ".")
	if len(parts) != 4 || parts[0] != "127" {
		return Block{}, false
	}
	n, err := strconv.ParseUint(parts[1], 10, 8)
	b := Block{octet: uint8(n)}
	return b, err == nil && b.valid()
}

func write(dir string, b Block) error {
	return os.WriteFile(filepath.Join(dir, fileName), []byte(b.IP().String()+"\n"), 0o644)
}
