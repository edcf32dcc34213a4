package git

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/crypto/ssh"
)

// signCommit puts an SSH signature on a commit.
func signCommit(c *object.Commit, keyFile string) error {
	text, err := secret(keyFile)
	if err != nil {
		return err
	}
	key, err := ssh.ParsePrivateKey([]byte(text + "\n"))
	if err != nil {
		return fmt.Errorf("%s: no SSH private key without a passphrase", keyFile)
	}
	message, err := unsigned(c)
	if err != nil {
		return err
	}
	c.PGPSignature, err = sshSign(key, message)
	return err
}

// sshSign makes an armored signature in the form that sshSigned reads.
func sshSign(key ssh.Signer, message []byte) (string, error) {
	const digest = "sha512"
	signed := append([]byte(sshMagic), ssh.Marshal(struct {
		Namespace, Reserved, HashAlgorithm string
		Hash                               []byte
	}{sshNamespace, "", digest, digests[digest](message)})...)
	var signature *ssh.Signature
	var err error
	if wide, ok := key.(ssh.AlgorithmSigner); ok && key.PublicKey().Type() == ssh.KeyAlgoRSA {
		signature, err = wide.SignWithAlgorithm(rand.Reader, signed, ssh.KeyAlgoRSASHA512)
	} else {
		signature, err = key.Sign(rand.Reader, signed)
	}
	if err != nil {
		return "", err
	}
	blob := append([]byte(sshMagic), ssh.Marshal(sshBlob{
		Version: 1, PublicKey: key.PublicKey().Marshal(), Namespace: sshNamespace, HashAlgorithm: digest, Signature: ssh.Marshal(signature),
	})...)
	var out bytes.Buffer
	out.WriteString(sshBegin + "\n")
	for line := base64.StdEncoding.EncodeToString(blob); line != ""; {
		n := min(70, len(line))
		out.WriteString(line[:n] + "\n")
		line = line[n:]
	}
	out.WriteString(sshEnd + "\n")
	return strings.TrimSpace(out.String()) + "\n", nil
}
