package websocket

import (
	"encoding/binary"
	"unicode/utf8"
)

// Close codes.
const (
	CloseNormal        = 1000
	CloseGoingAway     = 1001
	CloseProtocolError = 1002
	CloseNotUTF8       = 1007
	CloseTooBig        = 1009
	CloseInternal      = 1011
	CloseTryAgain      = 1013
)

var errCloseCode = &Error{CloseProtocolError, "invalid close frame"}

// Close is a server's whole close frame. The reason is cut to what fits.
func Close(code int, reason string) []byte {
	for len(reason) > MaxControl-2 || !utf8.ValidString(reason) {
		reason = reason[:len(reason)-1]
	}
	b := AppendHeader(make([]byte, 0, 4+len(reason)), OpClose, 2+len(reason))
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return append(b, reason...)
}

// ParseClose reads the payload of a close frame; code 0 stands for none.
func ParseClose(p []byte) (code int, reason string, err error) {
	if len(p) == 0 {
		return 0, "", nil
	}
	if len(p) == 1 {
		return 0, "", errCloseCode
	}
	code = int(binary.BigEndian.Uint16(p))
	if !utf8.Valid(p[2:]) {
		return 0, "", errNotUTF8
	}
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code < 5000:
		return code, string(p[2:]), nil
	}
	return 0, "", errCloseCode
}
