package web

import (
	"embed"
	"io/fs"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

//go:embed dist
var dist embed.FS

// Names within dist.
const (
	indexName   = "index.html"
	unbuiltName = "unbuilt.html" // stands in for the page in a checkout that was not built
)

// Handler serves the browser client at "/" and the files that it loads beside
// it. It takes GET and HEAD, waits for nothing, and needs nothing of the server but
// plain writes; one whose ResponseWriter is a StaticWriter copies no file.
func Handler() http.Handler {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // cannot be: the name is a constant and valid
	}
	s, err := newSite(built)
	if err != nil {
		panic(err) // cannot be: an embedded file can always be read
	}
	return s
}

// Built reports whether the client is embedded, or only the page that says
// that it is not.
func Built() bool {
	_, err := fs.Stat(dist, "dist/"+indexName)
	return err == nil
}

// StaticWriter is a ResponseWriter that may keep what it is given, without a
// copy and for as long as it likes: b is never changed.
type StaticWriter interface {
	WriteStatic(b []byte) (int, error)
}

// site is a fixed set of files. Immutable.
type site struct {
	files map[string]*file // by path
	stems map[string]*file // scripts and style sheets by "name.ext", without the hash
}

var _ http.Handler = (*site)(nil)

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	maps.Copy(w.Header(), SecurityHeaders())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, r, http.StatusMethodNotAllowed, "Only GET and HEAD are answered here.\n")
		return
	}
	f, exact := s.find(r.URL.Path)
	if f == nil {
		refuse(w, r, http.StatusNotFound, "There is nothing here. The chat is at /.\n")
		return
	}
	f.serve(w, r, exact)
}

// find returns the file of a path and whether it is that very version.
func (s *site) find(path string) (f *file, exact bool) {
	if f := s.files[path]; f != nil {
		return f, true
	}
	stem, _, ext, ok := splitName(strings.TrimPrefix(path, "/"))
	if !ok {
		return nil, false
	}
	return s.stems[stem+ext], false
}

// serve writes the file in the encoding that the client likes best.
func (f *file) serve(w http.ResponseWriter, r *http.Request, exact bool) {
	h := w.Header()
	v := f.choose(r.Header.Values("Accept-Encoding"))
	if len(f.variants) > 1 {
		h.Set("Vary", "Accept-Encoding")
	}
	switch {
	case !exact:
		h.Set("Cache-Control", "no-store")
	case f.immutable:
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	default:
		h.Set("Cache-Control", "no-cache")
	}
	h.Set("Etag", v.etag)
	if matches(r.Header.Values("If-None-Match"), v.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.mime)
	if v.encoding != "" {
		h.Set("Content-Encoding", v.encoding)
	}
	write := w.Write
	if s, ok := w.(StaticWriter); ok {
		write = s.WriteStatic
	}
	send(w, r, http.StatusOK, v.body, write)
}

func refuse(w http.ResponseWriter, r *http.Request, status int, sentence string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	send(w, r, status, []byte(sentence), w.Write)
}

func send(w http.ResponseWriter, r *http.Request, status int, body []byte, write func([]byte) (int, error)) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = write(body) // a client that went away is no error of ours
	}
}

// contentSecurityPolicy lets the page load its own files and speak to its own
// gateway, and nothing else. Strings never become script: Trusted Types without
// any policy refuse innerHTML and its like.
const contentSecurityPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
	"connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// SecurityHeaders are on every answer of the site. Whoever serves something else
// beside it sets them too.
func SecurityHeaders() http.Header {
	return http.Header{
		"Content-Security-Policy":      {contentSecurityPolicy},
		"X-Content-Type-Options":       {"nosniff"},
		"Referrer-Policy":              {"no-referrer"},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Permissions-Policy":           {"camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
	}
}
