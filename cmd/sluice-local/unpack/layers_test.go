package unpack

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// files lists what is below root: directories with a slash, links with their
// target.
func files(t *testing.T, root string) []string {
	t.Helper()
	all := []string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		switch {
		case err != nil || name == ".":
			return err
		case d.IsDir():
			name += "/"
		case d.Type() == fs.ModeSymlink:
			to, _ := os.Readlink(path)
			name += " -> " + to
		}
		all = append(all, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func dir(name string) tar.Header  { return tar.Header{Name: name, Typeflag: tar.TypeDir} }
func file(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
func symlink(name, to string) tar.Header {
	return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink}
}
func hardlink(name, to string) tar.Header {
	return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeLink}
}

func TestUnpack_LayersLieOverOneAnother(t *testing.T) {
	tests := []struct {
		name   string
		layers [][]tar.Header
		want   []string
	}{
		{"a file replaces a file", [][]tar.Header{{file("a")}, {file("a")}}, []string{"a"}},
		{"a file replaces a directory", [][]tar.Header{{file("a/b")}, {file("a")}}, []string{"a"}},
		{"a directory replaces a file", [][]tar.Header{{file("a")}, {dir("a"), file("a/b")}}, []string{"a/", "a/b"}},
		{"a directory keeps what is in it", [][]tar.Header{{file("a/b")}, {dir("a/"), file("a/c")}}, []string{"a/", "a/b", "a/c"}},
		{"a whiteout hides a file", [][]tar.Header{{file("a/b"), file("a/c")}, {file("a/.wh.b")}}, []string{"a/", "a/c"}},
		{"a whiteout hides a directory", [][]tar.Header{{file("a/b/c"), file("d")}, {file("a/.wh.b")}}, []string{"a/", "d"}},
		{"an opaque directory hides what is below it, first", [][]tar.Header{{file("a/b"), file("a/x/y")}, {file("a/.wh..wh..opq"), file("a/x/z")}}, []string{"a/", "a/x/", "a/x/z"}},
		{"an opaque directory hides what is below it, last", [][]tar.Header{{file("a/b"), file("a/x/y")}, {file("a/x/z"), file("a/.wh..wh..opq")}}, []string{"a/", "a/x/", "a/x/z"}},
		{"a link to an absolute path stays within", [][]tar.Header{{dir("usr/bin"), symlink("bin", "/usr/bin")}, {file("bin/sh")}}, []string{"bin -> /usr/bin", "usr/", "usr/bin/", "usr/bin/sh"}},
		{"a hard link is the same file", [][]tar.Header{{file("a"), hardlink("b/c", "a")}}, []string{"a", "b/", "b/c"}},
		{"devices are left out", [][]tar.Header{{{Name: "null", Typeflag: tar.TypeChar}, file("a")}}, []string{"a"}},
		{"dots in names are resolved", [][]tar.Header{{file("./a/../b"), file("/c")}}, []string{"b", "c"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, files(t, unpackAll(t, tt.layers))); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

// tarLayer makes a layer of headers; a regular file's content is its name.
func tarLayer(t *testing.T, headers ...tar.Header) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content = h.Name
		}
		h.Size = int64(len(content))
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return static.NewLayer(buf.Bytes(), types.OCIUncompressedLayer)
}

func unpackAll(t *testing.T, layers [][]tar.Header) string {
	t.Helper()
	var all []v1.Layer
	for _, l := range layers {
		all = append(all, tarLayer(t, l...))
	}
	img, err := mutate.AppendLayers(empty.Image, all...)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "images", "x")
	if err := To(root, img); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestTidy_RemovesWhatIsUnfinished(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{unfinished + "1/a", "done/a"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := Tidy(dir); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"done/", "done/a/"}, files(t, dir)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

func TestUnpack_NothingIsSetuidAndDirectoriesStayWritable(t *testing.T) {
	root := unpackAll(t, [][]tar.Header{{
		{Name: "su", Typeflag: tar.TypeReg, Mode: 0o4755}, {Name: "tmp", Typeflag: tar.TypeDir, Mode: 0o1777}, {Name: "ro", Typeflag: tar.TypeDir, Mode: 0o555}, file("ro/a"),
	}})
	for name, want := range map[string]fs.FileMode{"su": 0o755, "tmp": 0o777 | fs.ModeDir | fs.ModeSticky, "ro": 0o755 | fs.ModeDir} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
}

// hostile are archives that try to leave the root.
var hostile = [][]tar.Header{
	{file("../out")},
	{file("../../../../../../../../tmp/out")},
	{symlink("l", "../.."), file("l/out")},
	{symlink("l", "/"), file("l/../out")},
	{symlink("a", ".."), symlink("b", "a/.."), file("b/out")},
	{symlink("l", "../secret"), hardlink("h", "l")},
	{hardlink("h", "../secret")},
	{hardlink("h", "../../secret"), file("h")},
	{symlink("l", ".."), file("l/.wh.secret")},
	{file(".wh...")},
	{file("../.wh.secret")},
	{symlink("l", "../secret"), file("l")},
	{symlink("l", ".."), dir("l"), file("l/out")},
}

func TestUnpack_NothingGetsOut(t *testing.T) {
	for _, headers := range hostile {
		jail := t.TempDir()
		root := filepath.Join(jail, "root")
		if err := os.WriteFile(filepath.Join(jail, "secret"), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		u := &unpacker{root: root}
		layer := tarLayer(t, headers...)
		want, _ := layer.DiffID()
		err := u.layer(layer, want)
		if text, readErr := os.ReadFile(filepath.Join(jail, "secret")); readErr != nil || string(text) != "secret" {
			t.Errorf("%v: the file outside is now %q, %v (unpack: %v)", headers, text, readErr, err)
		}
		if left, _ := os.ReadDir(jail); len(left) != 2 {
			t.Errorf("%v: left outside: %v (unpack: %v)", headers, left, err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	for _, headers := range hostile {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		for _, h := range headers {
			if err := w.WriteHeader(&h); err != nil {
				f.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		jail := t.TempDir()
		root := filepath.Join(jail, "root")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		u := &unpacker{root: root, own: map[string]bool{}}
		_ = u.archive(tar.NewReader(bytes.NewReader(archive))) // any error will do, as long as nothing gets out
		if left, err := os.ReadDir(jail); err != nil || len(left) != 1 {
			t.Errorf("outside: %v, %v", left, err)
		}
	})
}
