package git

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// handshakeTimeout is how long connecting and introducing may take.
const handshakeTimeout = 20 * time.Second

// reuseTimeout is how long an open connection may take to show that it lives.
const reuseTimeout = 5 * time.Second

// sshDialer talks to git's programs over one connection that stays open,
// with a channel for each conversation. Neither ssh's configuration nor its
// agent are looked at: what counts is in Auth.
type sshDialer struct {
	place location
	auth  Auth

	// mu guards client, the connection; nil if there is none.
	mu     sync.Mutex
	client *ssh.Client
}

func newSSHDialer(place location, auth Auth) (*sshDialer, error) {
	if err := auth.check(place); err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	return &sshDialer{place: place, auth: auth}, nil
}

// dial begins a conversation with git-upload-pack.
func (d *sshDialer) dial(ctx context.Context) (session, error) {
	s, err := d.open(ctx, transport.UploadPackServiceName)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// open opens a channel, on a new connection if the old one is dead.
func (d *sshDialer) open(ctx context.Context, service string) (*sshSession, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.client != nil {
		if s, err := d.reuse(ctx, service); err == nil {
			return s, nil
		}
		_ = d.client.Close()
		d.client = nil
	}
	client, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	s, err := openSSH(ctx, client, service, d.place.path)
	if err != nil {
		_ = client.Close()
		return nil, err
	}
	d.client = client
	return s, nil
}

// reuse opens a channel on the connection there is. One that has died in
// silence is given up soon.
func (d *sshDialer) reuse(ctx context.Context, service string) (*sshSession, error) {
	client := d.client
	silent := time.AfterFunc(reuseTimeout, func() { _ = client.Close() })
	defer silent.Stop()
	return openSSH(ctx, client, service, d.place.path)
}

func (d *sshDialer) connect(ctx context.Context) (*ssh.Client, error) {
	config, err := d.config()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	address := d.place.address("22")
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}

// config reads the key and the known hosts.
func (d *sshDialer) config() (*ssh.ClientConfig, error) {
	key, err := secret(d.auth.SSHKeyFile)
	if err != nil {
		return nil, err
	}
	passphrase := ""
	if d.auth.SSHPassphraseFile != "" {
		if passphrase, err = secret(d.auth.SSHPassphraseFile); err != nil {
			return nil, err
		}
	}
	// The line break belongs to the form of a private key.
	keys, err := gitssh.NewPublicKeys(d.auth.user(d.place), []byte(key+"\n"), passphrase)
	if err != nil {
		return nil, &Error{Kind: ErrAuth, Detail: d.auth.SSHKeyFile, Cause: err, Advice: "give a private key in PEM or OpenSSH form, and its passphrase if it has one"}
	}
	known, err := gitssh.NewKnownHostsDb(d.auth.KnownHostsFile)
	if err != nil {
		return nil, &Error{Kind: ErrHostKey, Detail: d.auth.KnownHostsFile, Cause: err, Advice: "make one with ssh-keyscan and compare its keys with what the host publishes"}
	}
	return &ssh.ClientConfig{
		User:              d.auth.user(d.place),
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(keys.Signer)},
		HostKeyCallback:   known.HostKeyCallback(),
		HostKeyAlgorithms: known.HostKeyAlgorithms(d.place.address("22")),
	}, nil
}

func (d *sshDialer) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.client != nil {
		_ = d.client.Close()
		d.client = nil
	}
}

func (d *sshDialer) explain(err error) error {
	e := &Error{Kind: ErrUnreachable, Cause: err, Advice: "check the network and the URL; trying again by itself"}
	var key *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	var said *remoteMessage
	switch {
	case errors.As(err, &key) && len(key.Want) == 0:
		e.Kind, e.Cause = ErrHostKey, nil
		e.Detail = "the known_hosts file has no key of it"
		e.Advice = "add it with ssh-keyscan and compare it with what the host publishes"
	case errors.As(err, &key):
		e.Kind, e.Cause = ErrHostKey, nil
		e.Detail = "its key is not the one in the known_hosts file"
		e.Advice = "somebody may be in between; if the host has a new key, replace the old one with it"
	case errors.As(err, &revoked):
		e.Kind, e.Advice = ErrHostKey, "the known_hosts file revokes this key"
	case strings.Contains(err.Error(), "unable to authenticate"):
		e.Kind, e.Cause = ErrAuth, nil
		e.Advice = fmt.Sprintf("register the public half of %s with the remote, for user %s", d.auth.SSHKeyFile, d.auth.user(d.place))
	case errors.As(err, &said):
		e.Kind, e.Cause, e.Detail = said.kind(), nil, said.text
		e.Advice = "check the path, and that this key may read the repository, or push to it"
	case errors.Is(err, ErrLimit), errors.Is(err, ErrNoObject):
		return err
	}
	return e
}
