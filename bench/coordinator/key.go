package coordinator

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
)

// ErrKey says that the other side does not know the key.
var ErrKey = errors.New("the keys differ (-key)")

// Roles in a proof, so that one side's is no answer to the other's challenge.
const (
	asCoordinator = "tuitalk-bench coordinator"
	asWorker      = "tuitalk-bench worker"
)

const nonceSize = 16

// NewKey makes a key for workers that are started here.
func NewKey() string { return hex.EncodeToString(nonce()) }

func nonce() []byte {
	b := make([]byte, nonceSize)
	_, _ = rand.Read(b) // never fails
	return b
}

// proof shows that its maker knows the key, and is worth nothing in another
// conversation.
func proof(key, role string, worker, coordinator []byte) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(role))
	mac.Write(worker)
	mac.Write(coordinator)
	return mac.Sum(nil)
}

// proves compares in constant time. Nonces have a fixed size, or one could be
// moved into the other.
func proves(claim []byte, key, role string, worker, coordinator []byte) bool {
	return len(worker) == nonceSize && len(coordinator) == nonceSize &&
		hmac.Equal(claim, proof(key, role, worker, coordinator))
}

// machineID names the running kernel: processes that see the same name have the
// same clock. "" if it is not known.
func machineID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
