package gateway

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"tuitalk/talk"
)

// minSecret is the least length of a key in bytes.
const minSecret = 16

// Keys prove UUIDs. All verify, the first signs. Safe for concurrent use.
type Keys struct {
	ids     []string // in the order of the file
	secrets map[string][]byte
}

// ParseKeys reads a secret file: a line "id hex" for each key, # for comments.
func ParseKeys(text string) (*Keys, error) {
	k := &Keys{secrets: map[string][]byte{}}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, digits, ok := strings.Cut(line, " ")
		secret, err := hex.DecodeString(strings.TrimSpace(digits))
		switch {
		case !ok || err != nil || strings.Contains(id, "."):
			return nil, fmt.Errorf("line %d: want a key id and its secret in hex", i+1)
		case len(secret) < minSecret:
			return nil, fmt.Errorf("line %d: a secret has at least %d bytes", i+1, minSecret)
		case k.secrets[id] != nil:
			return nil, fmt.Errorf("line %d: this key id stands twice", i+1)
		}
		k.ids = append(k.ids, id)
		k.secrets[id] = secret
	}
	if len(k.ids) == 0 {
		return nil, errors.New("no key in it")
	}
	return k, nil
}

// ReadKeys reads a secret file.
func ReadKeys(path string) (*Keys, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the secret file: %w", err)
	}
	k, err := ParseKeys(string(b))
	if err != nil {
		return nil, fmt.Errorf("secret file %s: %w", path, err)
	}
	return k, nil
}

// ReadOrMakeKeys reads a secret file and makes it, with mode 0600, if it is missing.
func ReadOrMakeKeys(path string) (*Keys, error) {
	k, err := ReadKeys(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails, by its documentation
	text := "# the keys that prove users' uuids; the first signs, all verify\nk1 " + hex.EncodeToString(secret[:]) + "\n"
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the secret file: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write the secret file: %w", err)
	}
	return ParseKeys(text)
}

// Sign returns the token that proves uuid.
func (k *Keys) Sign(uuid talk.UUID) string {
	id := k.ids[0]
	return id + "." + base64.RawURLEncoding.EncodeToString(mac(k.secrets[id], uuid))
}

// Verify tells whether token proves uuid.
func (k *Keys) Verify(uuid talk.UUID, token string) bool {
	id, sum, ok := strings.Cut(token, ".")
	secret := k.secrets[id]
	if !ok || secret == nil {
		return false
	}
	got, err := base64.RawURLEncoding.DecodeString(sum)
	return err == nil && hmac.Equal(got, mac(secret, uuid))
}

func mac(secret []byte, uuid talk.UUID) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("tuitalk uuid "))
	h.Write(uuid[:])
	return h.Sum(nil)
}
