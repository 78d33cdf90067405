package client

import (
	"strings"

	"tuitalk/talk"
)

// What a server can make the session keep. A server that keeps to the protocol
// meets none of these bounds.
const (
	maxKeptName  = 4 * talk.MaxNameBytes
	maxKeptText  = 16 * talk.MaxTextBytes
	maxSentence  = 500 // bytes of a reason or notice
	maxPending   = 1000
	maxRoster    = 4 * talk.MaxListed
	maxSeq       = int64(1) << 60
	maxRetryWait = 60_000 // ms
	maxLogBytes  = 64 << 20
)

// bounded is s, or its first bytes in memory of their own.
func bounded(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(strings.Clone(s[:most]), "")
}

// sanitize cuts what no honest server sends.
func sanitize(e *talk.Entry) {
	e.Name = bounded(e.Name, maxKeptName)
	e.Text = bounded(e.Text, maxKeptText)
}
