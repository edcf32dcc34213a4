package git

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// inflateFactor bounds what a pack may hold uncompressed, in multiples of
// [Limits].Fetch: a pack made to explode must not keep us busy for hours.
const inflateFactor = 16

// pack is a pack as received, checked and indexed, not yet in the clone.
type pack struct {
	into  billy.Filesystem
	file  *os.File // in a folder
	bytes []byte   // in memory
	name  string
	index []byte
}

// receive takes a pack in, looks at every object's header before anything is
// unpacked, and indexes it.
func (m *remote) receive(ctx context.Context, into *bare, r io.Reader) (*pack, error) {
	p := &pack{into: into.root()}
	content, err := p.spool(r, m.limits.Fetch)
	if err == nil {
		err = checkPack(ctx, content, m.limits)
	}
	if err == nil {
		err = p.makeIndex(content)
	}
	if err != nil {
		p.discard()
		return nil, err
	}
	return p, nil
}

// spool stores the pack outside the reach of readers.
func (p *pack) spool(r io.Reader, most int64) (io.ReadSeeker, error) {
	bounded := io.LimitReader(r, most+1)
	var size int64
	var content io.ReadSeeker
	if dir := p.into.Root(); dir != "/" {
		if err := p.into.MkdirAll("objects/pack", 0o755); err != nil {
			return nil, err
		}
		file, err := os.CreateTemp(path.Join(dir, "objects/pack"), "tmp_pack_")
		if err != nil {
			return nil, err
		}
		p.file, content = file, file
		if size, err = io.Copy(file, bounded); err != nil {
			return nil, err
		}
	} else {
		all, err := io.ReadAll(bounded)
		if err != nil {
			return nil, err
		}
		p.bytes, content, size = all, bytes.NewReader(all), int64(len(all))
	}
	if size > most {
		return nil, limit("the remote sends more than %d bytes at once", most)
	}
	_, err := content.Seek(0, io.SeekStart)
	return content, err
}

// checkPack reads all object headers, and the sizes that deltas announce.
func checkPack(ctx context.Context, content io.ReadSeeker, limits Limits) error {
	s := packfile.NewScanner(content)
	_, count, err := s.Header()
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	total := int64(0)
	for range count {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := s.NextObjectHeader()
		if err != nil {
			return fmt.Errorf("pack: %w", err)
		}
		var start prefix
		if h.Length <= limits.Object {
			if _, _, err := s.NextObject(&start); err != nil {
				return fmt.Errorf("pack: %w", err)
			}
		}
		size := h.Length
		if h.Type.IsDelta() {
			size = max(size, start.target())
		}
		if size > limits.Object {
			return limit("an object of %d bytes, at most %d are accepted; take the file out of the history", size, limits.Object)
		}
		if total += size; total/inflateFactor > limits.Fetch {
			return limit("the pack holds more than %d bytes", inflateFactor*limits.Fetch)
		}
	}
	_, err = content.Seek(0, io.SeekStart)
	return err
}

// prefix keeps the first bytes written to it.
type prefix struct {
	bytes [20]byte
	n     int
}

func (p *prefix) Write(b []byte) (int, error) {
	p.n += copy(p.bytes[p.n:], b)
	return len(b), nil
}

// target is the size of what a delta makes: the second of the two numbers it
// begins with, seven bits a byte, lowest first.
func (p *prefix) target() int64 {
	var size int64
	number, shift := 0, 0
	for _, b := range p.bytes[:p.n] {
		if number == 1 {
			size |= int64(b&0x7f) << min(shift, 56)
		}
		if shift += 7; b < 0x80 {
			number, shift = number+1, 0
		}
		if number == 2 {
			break
		}
	}
	return size
}

func (p *pack) makeIndex(content io.ReadSeeker) error {
	w := new(idxfile.Writer)
	parser, err := packfile.NewParser(packfile.NewScanner(content), w)
	if err != nil {
		return err
	}
	sum, err := parser.Parse()
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	index, err := w.Index()
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	var b bytes.Buffer
	if _, err := idxfile.NewEncoder(&b).Encode(index); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	p.name, p.index = "objects/pack/pack-"+sum.String(), b.Bytes()
	return nil
}

func (p *pack) discard() {
	if p.file != nil {
		_ = p.file.Close()
		_ = os.Remove(p.file.Name()) // gone already if it was installed
	}
}

// install makes the pack part of the clone. Readers wait meanwhile, for the
// memory file system is not for several goroutines.
func (d *database) install(p *pack) (err error) {
	d.exclusively(func() { err = p.install() })
	return err
}

func (p *pack) install() error {
	if err := writeFile(p.into, p.name+".idx", p.index); err != nil {
		return err
	}
	if p.file == nil {
		return writeFile(p.into, p.name+".pack", p.bytes)
	}
	return os.Rename(p.file.Name(), path.Join(p.into.Root(), p.name+".pack"))
}

func writeFile(fs billy.Filesystem, name string, content []byte) error {
	f, err := fs.Create(name)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// exclusively runs f while nobody reads, and has the files opened afresh.
func (d *database) exclusively(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut()
	f()
}

// alone runs f while nobody reads.
func (d *database) alone(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

func (d *database) packCount() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open()
	return len(d.packs)
}
