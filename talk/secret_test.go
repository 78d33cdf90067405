package talk

import (
	"bytes"
	stdsha256 "crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
)

// benSecret is the secret of the golden vectors' ben: 00 01 02 … 1f.
var benSecret = func() (s Secret) {
	for i := range s {
		s[i] = byte(i)
	}
	return s
}()

// TestSecretUUID is the test vector of the specification, and the derivation
// done with the standard library.
func TestSecretUUID(t *testing.T) {
	if got := benSecret.UUID(); got != ben || got.Version() != ProvenVersion {
		t.Errorf("the uuid is %v, want %v", got, ben)
	}
	if !strings.Contains(strings.Join(packageComment(t), "\n"), hex.EncodeToString(benSecret[:])+"  "+ben.String()) {
		t.Error("the package comment lacks the vector")
	}
	for i := range 100 {
		s := Secret(stdsha256.Sum256([]byte{byte(i)}))
		sum := stdsha256.Sum256([]byte("tuitalk identity 1\n" + string(s[:])))
		if got, want := s.UUID(), MakeUUID(8, [16]byte(sum[:16])); got != want {
			t.Fatalf("%x: %v, want %v", s[:], got, want)
		}
	}
}

func TestSHA256IsTheStandardLibrarys(t *testing.T) {
	for size := range 56 {
		for seed := range 20 {
			message := make([]byte, size)
			for i := range message {
				message[i] = byte(i*seed*7 + seed)
			}
			if got, want := sha256(message), stdsha256.Sum256(message); got != want {
				t.Fatalf("%x: %x, want %x", message, got, want)
			}
		}
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	hello := Hello{Secret: benSecret}
	said := make(map[string]string)
	for _, format := range []string{"%v", "%s", "%+v", "%q", "%#v", "%x"} {
		said[format] = fmt.Sprintf(format, hello)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("said", "hello", hello, "secret", benSecret)
	slog.New(slog.NewTextHandler(&log, nil)).Info("said", "hello", hello, "secret", benSecret)
	said["log"] = log.String()
	bytesOf := regexp.MustCompile(`30[, ]+31|0x1e, 0x1f|1e1f`)
	for how, text := range said {
		if bytesOf.MatchString(text) {
			t.Errorf("%s prints %s", how, text)
		}
	}
}
