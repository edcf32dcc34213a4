package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh"
)

// sshSession is one run of git-upload-pack or git-receive-pack.
type sshSession struct {
	channel *ssh.Session
	in      io.WriteCloser
	out     io.Reader
	said    *message
	// asked says that a pack was asked for, or sent, which ends the conversation.
	asked bool
	stop  func() bool
}

func openSSH(ctx context.Context, client *ssh.Client, service, path string) (*sshSession, error) {
	channel, err := client.NewSession()
	if err != nil {
		return nil, err
	}
	s := &sshSession{channel: channel, said: &message{}}
	channel.Stderr = s.said
	if s.in, err = channel.StdinPipe(); err != nil {
		return nil, errors.Join(err, channel.Close())
	}
	if s.out, err = channel.StdoutPipe(); err != nil {
		return nil, errors.Join(err, channel.Close())
	}
	if err := channel.Start(service + " " + quoted(path)); err != nil {
		return nil, errors.Join(err, channel.Close())
	}
	s.stop = context.AfterFunc(ctx, func() { _ = channel.Close() })
	return s, nil
}

// quoted is one argument for any shell: in single quotes, those and `!`
// taken out of them.
func quoted(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}

// AdvertisedReferencesContext reads what the remote begins with. Like all of
// a session it ends with the context that the session was opened with.
func (s *sshSession) AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error) {
	adv := packp.NewAdvRefs()
	err := adv.Decode(io.LimitReader(s.out, maxAdvertised))
	if err != nil && !errors.Is(err, packp.ErrEmptyAdvRefs) {
		return nil, s.orMessage(err)
	}
	if adv.IsEmpty() {
		return nil, transport.ErrEmptyRemoteRepository
	}
	transport.FilterUnsupportedCapabilities(adv.Capabilities)
	return adv, nil
}

// UploadPack asks for a pack.
func (s *sshSession) UploadPack(_ context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	s.asked = true
	if err := req.Validate(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := req.UploadRequest.Encode(&b); err != nil {
		return nil, err
	}
	if err := req.UploadHaves.Encode(&b, len(req.Haves) > 0); err != nil {
		return nil, err
	}
	if err := pktline.NewEncoder(&b).EncodeString("done\n"); err != nil {
		return nil, err
	}
	if _, err := s.in.Write(b.Bytes()); err != nil {
		return nil, s.orMessage(err)
	}
	res := packp.NewUploadPackResponse(req)
	if err := res.Decode(io.NopCloser(s.out)); err != nil {
		return nil, s.orMessage(err)
	}
	return res, nil
}

// ReceivePack sends a pack and the references that are to move with it.
func (s *sshSession) ReceivePack(_ context.Context, req *packp.ReferenceUpdateRequest) (*packp.ReportStatus, error) {
	s.asked = true
	if err := req.Encode(s.in); err != nil {
		return nil, s.orMessage(err)
	}
	if err := s.in.Close(); err != nil {
		return nil, s.orMessage(err)
	}
	report := packp.NewReportStatus()
	if !req.Capabilities.Supports(capability.ReportStatus) {
		return nil, s.channel.Wait()
	}
	if err := report.Decode(s.out); err != nil {
		return nil, s.orMessage(err)
	}
	return report, report.Error()
}

// Close ends the conversation: politely, if no pack was asked for.
func (s *sshSession) Close() error {
	s.stop()
	if !s.asked {
		_, _ = s.in.Write(pktline.FlushPkt)
	}
	return s.channel.Close()
}

// orMessage prefers what the remote wrote to standard error before it went.
func (s *sshSession) orMessage(err error) error {
	_ = s.in.Close()
	_ = s.channel.Wait()
	if text := s.said.String(); text != "" {
		return &remoteMessage{text: text, err: err}
	}
	return err
}

// remoteMessage is what a remote said instead of an answer.
type remoteMessage struct {
	text string
	err  error
}

func (m *remoteMessage) Error() string { return fmt.Sprintf("%v: it says %q", m.err, m.text) }
func (m *remoteMessage) Unwrap() error { return m.err }

// kind guesses what a message means; each forge has its own words.
func (m *remoteMessage) kind() error {
	text := strings.ToLower(m.text)
	for _, words := range []string{"not found", "not exist", "does not appear to be a git repository", "no such", "could not be found"} {
		if strings.Contains(text, words) {
			return ErrNoRepository
		}
	}
	for _, words := range []string{"denied", "permission", "unauthorized", "not allowed"} {
		if strings.Contains(text, words) {
			return ErrAuth
		}
	}
	return ErrUnreachable
}

// message keeps the beginning of what is written to it, in one line.
type message struct {
	mu sync.Mutex
	b  []byte
}

// Write never fails: what is too much is dropped.
func (m *message) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.b = append(m.b, b[:min(len(b), 512-len(m.b))]...)
	return len(b), nil
}

// String is the text in one line.
func (m *message) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(strings.Fields(string(m.b)), " ")
}
