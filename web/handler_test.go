package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	scriptPath = "/app-0123456789abcdef.js"
	modulePath = "/app-00000000000000ff.wasm"
)

// builtFiles are as the build makes them.
func builtFiles(t *testing.T) fstest.MapFS {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	io.WriteString(w, "the script")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{
		"index.html":                   {Data: []byte("the page")},
		"index.html.br":                {Data: []byte("br page")},
		"index.html.gz":                {Data: []byte("gz page")},
		"unbuilt.html":                 {Data: []byte("not built")},
		scriptPath[1:]:                 {Data: []byte("the script")},
		scriptPath[1:] + ".gz":         {Data: packed.Bytes()},
		modulePath[1:]:                 {Data: []byte("\x00asm")},
		modulePath[1:] + ".br":         {Data: []byte("br module")},
		"icon-00000000000000aa.svg":    {Data: []byte("<svg/>")},
		"style-00000000000000bb.css":   {Data: []byte("p{}")},
		"style-00000000000000bb.css.x": {Data: []byte("nothing")},
	}
}

func get(t *testing.T, h http.Handler, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func newTestSite(t *testing.T) http.Handler {
	t.Helper()
	s, err := newSite(builtFiles(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFilesTypesAndCaching(t *testing.T) {
	const forEver, anew, not = "public, max-age=31536000, immutable", "no-cache", "no-store"
	for _, c := range []struct {
		path, mime, cache, body string
		status                  int
	}{
		{"/", "text/html; charset=utf-8", anew, "the page", 200},
		{scriptPath, "text/javascript; charset=utf-8", forEver, "the script", 200},
		{modulePath, "application/wasm", forEver, "\x00asm", 200},
		{"/icon-00000000000000aa.svg", "image/svg+xml", forEver, "<svg/>", 200},
		{"/style-00000000000000bb.css", "text/css; charset=utf-8", forEver, "p{}", 200},
		// Asked of a gateway of another version: what can stand in does.
		{"/app-ffffffffffffffff.js", "text/javascript; charset=utf-8", not, "the script", 200},
		{"/style-ffffffffffffffff.css", "text/css; charset=utf-8", not, "p{}", 200},
		{"/app-ffffffffffffffff.wasm", "text/plain; charset=utf-8", not, "There is nothing here. The chat is at /.\n", 404},
		{"/other-ffffffffffffffff.js", "text/plain; charset=utf-8", not, "There is nothing here. The chat is at /.\n", 404},
		{"/index.html", "text/plain; charset=utf-8", not, "There is nothing here. The chat is at /.\n", 404},
		{"/unbuilt.html", "text/plain; charset=utf-8", not, "There is nothing here. The chat is at /.\n", 404},
		{scriptPath + ".gz", "text/plain; charset=utf-8", not, "There is nothing here. The chat is at /.\n", 404},
		{"/../handler.go", "text/plain; charset=utf-8", not, "There is nothing here. The chat is at /.\n", 404},
	} {
		r := get(t, newTestSite(t), http.MethodGet, c.path)
		h := r.Header
		if r.StatusCode != c.status || h.Get("Content-Type") != c.mime || h.Get("Cache-Control") != c.cache {
			t.Errorf("%s: %d %q %q", c.path, r.StatusCode, h.Get("Content-Type"), h.Get("Cache-Control"))
		}
		if b := body(t, r); b != c.body || r.ContentLength != int64(len(c.body)) {
			t.Errorf("%s: %q of %d bytes", c.path, b, r.ContentLength)
		}
	}
}

func TestEncodings(t *testing.T) {
	for _, c := range []struct{ path, accept, encoding string }{
		{"/", "", ""},
		{"/", "gzip, deflate, br, zstd", "br"},
		{"/", "gzip", "gzip"},
		{"/", "GZIP;q=0.5", "gzip"},
		{"/", "br;q=0, gzip", "gzip"},
		{"/", "br;q=0.0, *;q=0.1", "gzip"},
		{"/", "*;q=0", ""},
		{"/", "*", "br"},
		{"/", "identity", ""},
		{"/", "br;q=nonsense", ""},
		{"/", "brotli", ""},
		{scriptPath, "br, gzip", "gzip"}, // there is no brotli of it
		{modulePath, "gzip", ""},
	} {
		r := get(t, newTestSite(t), http.MethodGet, c.path, "Accept-Encoding", c.accept)
		if got := r.Header.Get("Content-Encoding"); got != c.encoding {
			t.Errorf("%s with %q: %q, want %q", c.path, c.accept, got, c.encoding)
		}
		if r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: Vary is %q", c.path, r.Header.Get("Vary"))
		}
	}
	r := get(t, newTestSite(t), http.MethodGet, "/icon-00000000000000aa.svg", "Accept-Encoding", "br")
	if r.Header.Get("Vary") != "" || r.Header.Get("Content-Encoding") != "" {
		t.Errorf("a file of one form: %v", r.Header)
	}
}

func TestGzipIsTheFile(t *testing.T) {
	r := get(t, newTestSite(t), http.MethodGet, scriptPath, "Accept-Encoding", "gzip")
	plain, err := gzip.NewReader(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(plain); err != nil || string(b) != "the script" {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestETags(t *testing.T) {
	site := newTestSite(t)
	tags := make(map[string]bool)
	for _, accept := range []string{"", "gzip", "br"} {
		tag := get(t, site, http.MethodGet, "/", "Accept-Encoding", accept).Header.Get("Etag")
		if tags[tag] || !strings.HasPrefix(tag, `"`) {
			t.Errorf("the tag %s is used twice or is none", tag)
		}
		tags[tag] = true
		for _, none := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
			r := get(t, site, http.MethodGet, "/", "Accept-Encoding", accept, "If-None-Match", none)
			if b := body(t, r); r.StatusCode != http.StatusNotModified || b != "" || r.Header.Get("Etag") != tag {
				t.Errorf("If-None-Match %s: %d %q", none, r.StatusCode, b)
			}
		}
		if r := get(t, site, http.MethodGet, "/", "If-None-Match", `"other"`); r.StatusCode != http.StatusOK {
			t.Errorf("another tag: %d", r.StatusCode)
		}
	}
}

func TestMethods(t *testing.T) {
	site := newTestSite(t)
	r := get(t, site, http.MethodHead, "/")
	if b := body(t, r); r.StatusCode != 200 || b != "" || r.Header.Get("Content-Length") != "8" {
		t.Errorf("HEAD: %d %q %s", r.StatusCode, b, r.Header.Get("Content-Length"))
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "TRACE"} {
		r := get(t, site, method, "/")
		if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, r.StatusCode, r.Header.Get("Allow"))
		}
	}
}

func TestSecurityHeadersAreEverywhere(t *testing.T) {
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
			"connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
			"require-trusted-types-for 'script'; trusted-types 'none'",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	}
	for _, path := range []string{"/", scriptPath, modulePath, "/nothing"} {
		r := get(t, newTestSite(t), http.MethodGet, path)
		for name, value := range want {
			if got := r.Header.Get(name); got != value {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

func TestACheckoutThatWasNotBuiltSaysSo(t *testing.T) {
	s, err := newSite(fstest.MapFS{unbuiltName: {Data: []byte("The browser client was not built")}})
	if err != nil {
		t.Fatal(err)
	}
	r := get(t, s, http.MethodGet, "/")
	if b := body(t, r); r.StatusCode != 200 || !strings.Contains(b, "was not built") {
		t.Errorf("%d %q", r.StatusCode, b)
	}
	if r.Header.Get("Cache-Control") != "no-cache" {
		t.Error("the page that it was not built would be kept")
	}
}

// The page that is under version control, or the one that was built.
func TestHandlerServesWhatIsEmbedded(t *testing.T) {
	r := get(t, Handler(), http.MethodGet, "/")
	b := body(t, r)
	switch {
	case r.StatusCode != 200:
		t.Errorf("got %d", r.StatusCode)
	case Built() && !strings.Contains(b, `id="input"`):
		t.Errorf("the page is %q", b)
	case !Built() && !strings.Contains(b, "make build"):
		t.Errorf("the page does not say how to build the client: %q", b)
	}
}

// The policy forbids inline styles and scripts: the page must not have any.
func TestThePageNeedsNoInlineCode(t *testing.T) {
	for _, name := range []string{"static/index.html", "dist/" + unbuiltName} {
		page := readSource(t, name)
		for _, forbidden := range []string{" style=", "<style", "javascript:"} {
			if strings.Contains(page, forbidden) {
				t.Errorf("%s has %q", name, forbidden)
			}
		}
		if inlineHandler.MatchString(page) {
			t.Errorf("%s has an inline handler", name)
		}
	}
	for _, name := range []string{"static/shell.js", "static/bridge.js"} {
		script := readSource(t, name)
		for _, forbidden := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"} {
			if strings.Contains(script, forbidden) {
				t.Errorf("%s uses %s", name, forbidden)
			}
		}
	}
}
