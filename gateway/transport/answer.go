package transport

import (
	"bytes"
	"net/http"
	"strconv"
)

// Answer is an http.ResponseWriter that keeps the whole response, and of what
// is written by WriteStatic only where it lies.
type Answer struct {
	header http.Header
	status int
	body   []*PreparedFrame
	length int
}

var _ http.ResponseWriter = (*Answer)(nil)

func (a *Answer) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}

func (a *Answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *Answer) Write(b []byte) (int, error) {
	a.keep(&PreparedFrame{Bytes: bytes.Clone(b)})
	return len(b), nil
}

// WriteStatic is Write for bytes that nobody ever changes, nor makes for this
// response: they are written to any number of clients from where they lie.
func (a *Answer) WriteStatic(b []byte) (int, error) {
	a.keep(&PreparedFrame{Bytes: b, Static: true})
	return len(b), nil
}

func (a *Answer) keep(p *PreparedFrame) {
	a.WriteHeader(http.StatusOK)
	if len(p.Bytes) > 0 {
		a.body = append(a.body, p)
		a.length += len(p.Bytes)
	}
}

// Frames are the bytes of the response, behind which the connection closes. withBody:
// without, it is one to HEAD.
func (a *Answer) Frames(withBody bool) []*PreparedFrame {
	a.WriteHeader(http.StatusOK) // unless it is there
	h := a.Header()
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + strconv.Itoa(a.status) + " " + http.StatusText(a.status) + "\r\n")
	h.Set("Connection", "close")
	if a.status != http.StatusNotModified && (withBody || h.Get("Content-Length") == "") {
		h.Set("Content-Length", strconv.Itoa(a.length))
	}
	_ = h.Write(&b) // a bytes.Buffer takes everything
	b.WriteString("\r\n")
	parts := []*PreparedFrame{{Bytes: b.Bytes()}}
	if withBody {
		parts = append(parts, a.body...)
	}
	return parts
}
