//go:build !js

package client

import "tuitalk/talk"

// appendLine appends a line of a state, which is JSON, for whoever looks for what
// is unsent.
func appendLine(dst []byte, m talk.Message) []byte {
	dst, _ = talk.Append(dst, talk.Extended, m) // all of these have that form
	return dst
}

func decodeLine(line []byte) (talk.Message, error) { return talk.Decode(talk.Extended, line) }
