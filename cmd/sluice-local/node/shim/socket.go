package shim

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
)

// maxMessage bounds a message; an environment made of ConfigMaps may be large.
const maxMessage = 64 << 20

// socket carries JSON messages with files attached, in both directions.
type socket struct {
	file *os.File
	send sync.Mutex
	// peer is who sent the last message, as this side numbers processes; 0 where
	// the socket does not say.
	peer int
}

// pair makes two connected sockets that no child inherits by accident. Ours
// learns who writes to it.
func pair() (ours *socket, theirs *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("shim: socketpair: %w", err)
	}
	if err := syscall.SetsockoptInt(fds[0], syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("shim: socket: %w", err), syscall.Close(fds[0]), syscall.Close(fds[1]))
	}
	return &socket{file: os.NewFile(uintptr(fds[0]), "node")}, os.NewFile(uintptr(fds[1]), "shim"), nil
}

// adopt takes over an inherited socket.
func adopt(fd uintptr) (*socket, error) {
	syscall.CloseOnExec(int(fd))
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		return nil, err
	}
	return &socket{file: os.NewFile(fd, "control")}, nil
}

func (s *socket) Close() error { return s.file.Close() }

// write sends v and, with its first byte, the files.
func (s *socket) write(v any, files ...*os.File) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	var oob []byte
	if len(fds) > 0 {
		oob = syscall.UnixRights(fds...)
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	s.send.Lock()
	defer s.send.Unlock()
	if err := s.sendmsg(head, oob); err != nil {
		return err
	}
	_, err = s.file.Write(body)
	return err
}

func (s *socket) sendmsg(head, oob []byte) error {
	raw, err := s.file.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		sent = syscall.Sendmsg(int(fd), head, oob, nil, syscall.MSG_NOSIGNAL)
		return sent != syscall.EAGAIN
	})
	if err != nil {
		return err
	}
	return sent
}

// read waits for a message and its files.
func (s *socket) read(v any) ([]*os.File, error) {
	head := make([]byte, 4)
	files, err := s.recvmsg(head)
	if err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head)
	if size > maxMessage {
		closeAll(files)
		return nil, fmt.Errorf("shim: message of %d bytes is too large", size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(s.file, body); err != nil {
		closeAll(files)
		return nil, err
	}
	return files, json.Unmarshal(body, v)
}

func (s *socket) recvmsg(head []byte) ([]*os.File, error) {
	raw, err := s.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	oob := make([]byte, syscall.CmsgSpace(8*4)+syscall.CmsgSpace(syscall.SizeofUcred))
	var n, oobn int
	var got error
	err = raw.Read(func(fd uintptr) bool {
		n, oobn, _, _, got = syscall.Recvmsg(int(fd), head, oob, syscall.MSG_CMSG_CLOEXEC)
		return got != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return nil, err
	case got != nil:
		return nil, got
	case n == 0:
		return nil, io.EOF
	}
	files, err := s.parse(oob[:oobn])
	if err != nil || n == len(head) {
		return files, err
	}
	_, err = io.ReadFull(s.file, head[n:])
	return files, err
}

// parse returns the files that came with a message and notes who sent it.
func (s *socket) parse(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for _, m := range messages {
		if m.Header.Type == syscall.SCM_CREDENTIALS {
			sender, err := syscall.ParseUnixCredentials(&m)
			if err != nil {
				return nil, err
			}
			s.peer = int(sender.Pid)
			continue
		}
		fds, err := syscall.ParseUnixRights(&m)
		if err != nil {
			return nil, err
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
