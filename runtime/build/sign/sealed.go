package sign

import (
	"encoding/json"
	"fmt"

	"golang.org/x/crypto/nacl/secretbox"
	"golang.org/x/crypto/scrypt"
)

// sealed is an encrypted key as cosign writes it: the password becomes a key
// by scrypt, and that opens a secretbox of NaCl.
type sealed struct {
	KDF struct {
		Name   string `json:"name"`
		Params struct {
			N int `json:"N"`
			R int `json:"r"`
			P int `json:"p"`
		} `json:"params"`
		Salt []byte `json:"salt"`
	} `json:"kdf"`
	Cipher struct {
		Name  string `json:"name"`
		Nonce []byte `json:"nonce"`
	} `json:"cipher"`
	Ciphertext []byte `json:"ciphertext"`
}

// Most that scrypt may take: twice the memory, in bytes, of the strongest
// parameters in use (N=131072, r=8), and passes.
const (
	maxMemory = 256 << 20
	maxPasses = 16
)

// open decrypts a key.
func open(text, password []byte) ([]byte, error) {
	var s sealed
	if json.Unmarshal(text, &s) != nil || len(s.Cipher.Nonce) != 24 {
		return nil, fmt.Errorf("%s is damaged: %s", keyFile, wanted)
	}
	p := s.KDF.Params
	if s.KDF.Name != "scrypt" || s.Cipher.Name != "nacl/secretbox" || p.R < 1 || p.N < 2 || p.N > maxMemory/128/p.R || p.P < 1 || p.P > maxPasses {
		return nil, fmt.Errorf("%s is encrypted in a way that is not known here: %s", keyFile, wanted)
	}
	derived, err := scrypt.Key(password, s.KDF.Salt, p.N, p.R, p.P, 32)
	if err != nil {
		return nil, fmt.Errorf("%s is encrypted in a way that is not known here: %s", keyFile, wanted)
	}
	der, ok := secretbox.Open(nil, s.Ciphertext, (*[24]byte)(s.Cipher.Nonce), (*[32]byte)(derived))
	if !ok {
		return nil, fmt.Errorf("%s is encrypted with another password than %s: put the right one beside it", keyFile, passwordFile)
	}
	return der, nil
}
