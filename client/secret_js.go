//go:build js

package client

import (
	"syscall/js"

	"tuitalk/talk"
)

// NewSecret makes an identity. Every browser that runs WebAssembly has this
// generator; package crypto/rand would be a quarter of the module.
func NewSecret() (s talk.Secret) {
	bytes := js.Global().Get("Uint8Array").New(len(s))
	js.Global().Get("crypto").Call("getRandomValues", bytes)
	js.CopyBytesToGo(s[:], bytes)
	return s
}
