//go:build !js

package client

import (
	"crypto/rand"

	"tuitalk/talk"
)

// NewSecret makes an identity.
func NewSecret() (s talk.Secret) {
	_, _ = rand.Read(s[:]) // never fails, by its documentation
	return s
}
