package gateway

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	secretA = "00112233445566778899aabbccddeeff"
	secretB = "ffeeddccbbaa99887766554433221100"
)

func TestKeysRotate(t *testing.T) {
	old, err := ParseKeys("a " + secretA)
	if err != nil {
		t.Fatal(err)
	}
	both, err := ParseKeys("# newest first\nb " + secretB + "\n\na " + secretA + "\n")
	if err != nil {
		t.Fatal(err)
	}
	id, other := newUUID(), newUUID()
	token := old.Sign(id)
	if !both.Verify(id, token) || both.Verify(other, token) {
		t.Error("an old key no longer verifies, or verifies anybody")
	}
	renewed := both.Sign(id)
	if !strings.HasPrefix(renewed, "b.") || !both.Verify(id, renewed) || old.Verify(id, renewed) {
		t.Errorf("the first key does not sign: %q", renewed)
	}
	for _, bad := range []string{"", "a", "a.", "." + token, token + "x", "A" + token[1:], "b" + token[1:]} {
		if both.Verify(id, bad) {
			t.Errorf("%q verifies", bad)
		}
	}
}

func TestSecretFilesThatAreRefused(t *testing.T) {
	for text, says := range map[string]string{
		"":                                    "no key",
		"a":                                   "line 1",
		"a 00ff":                              "at least 16 bytes",
		"a xyz":                               "line 1",
		"a " + secretA + "\na " + secretB:     "twice",
		"a.b " + secretA:                      "line 1",
		"# only a comment":                    "no key",
		"a " + secretA + "\nb not hex at all": "line 2",
	} {
		if _, err := ParseKeys(text); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), secretA) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

func TestSecretFileIsMadeOnceAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	first, err := ReadOrMakeKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	again, err := ReadOrMakeKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	id := newUUID()
	if !again.Verify(id, first.Sign(id)) {
		t.Error("the second start has other keys")
	}
}
