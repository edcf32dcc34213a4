package autoscaler

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sluice-dev/sluice/runtime/stat"
)

var errLongest = fmt.Errorf("frame: longer than %d bytes", stat.BlockLongest)

// read takes what comes until the stream ends: blocks, and lines of JSON from
// activators that know no blocks. An empty line is a heartbeat.
func (s *Stream) read(body io.Reader, control *http.ResponseController) error {
	in := bufio.NewReaderSize(body, stat.BlockLongest)
	for {
		mark, err := in.ReadByte()
		if err == nil {
			if mark == stat.BlockMark {
				err = s.readBlock(in)
			} else if err = in.UnreadByte(); err == nil {
				err = s.readLine(in, control)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (s *Stream) readBlock(in *bufio.Reader) error {
	length, err := binary.ReadUvarint(in)
	if err != nil {
		return err
	}
	if length > stat.BlockLongest {
		return errLongest
	}
	block, err := in.Peek(int(length))
	if err != nil {
		return err
	}
	if err := s.Unpack(block); err != nil {
		return err
	}
	_, err = in.Discard(int(length))
	return err
}

func (s *Stream) readLine(in *bufio.Reader, control *http.ResponseController) error {
	line, err := in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return errLongest
	case err != nil && !errors.Is(err, io.EOF):
		return err
	}
	if line = bytes.TrimSpace(line); len(line) == 0 {
		_ = control.SetReadDeadline(time.Now().Add(s.owner.cfg.Silence)) // it promises another
		return err
	}
	var f stat.Frame
	if err := json.Unmarshal(line, &f); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	if f.Namespace == "" || f.Revision == "" {
		return errors.New("frame: no namespace or revision")
	}
	s.Report(f)
	return err
}
