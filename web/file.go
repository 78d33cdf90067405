package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// HashDigits is how many hexadecimal digits of the SHA-256 of its content a
// file carries in its name: "app-0123456789abcdef.wasm".
const HashDigits = 16

// encodings are those a file may be stored in, the best first, by the suffix
// that they have in dist.
var encodings = []struct{ suffix, name string }{{".br", "br"}, {".gz", "gzip"}}

// mimes are the types of the files that there are, by the name's end.
var mimes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".wasm": "application/wasm",
}

// file is one file of the site in all of its encodings. Immutable.
type file struct {
	mime      string
	immutable bool      // the name carries the hash
	variants  []variant // the best first; the last one is plain
}

type variant struct {
	encoding string // Content-Encoding; "" is plain
	etag     string
	body     []byte
}

// newSite reads all files of a directory.
func newSite(dir fs.FS) (*site, error) {
	s := &site{files: make(map[string]*file), stems: make(map[string]*file)}
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, fmt.Errorf("read the site: %w", err)
	}
	for _, entry := range entries {
		name := entry.Name()
		mime := mimes[path.Ext(name)]
		if mime == "" {
			continue // an encoding of another file
		}
		f, err := readFile(dir, name, mime)
		if err != nil {
			return nil, err
		}
		s.add(name, f)
	}
	if s.files["/"] == nil {
		s.files["/"] = s.files["/"+unbuiltName]
	}
	delete(s.files, "/"+unbuiltName)
	return s, nil
}

func (s *site) add(name string, f *file) {
	if name == indexName {
		name = ""
	}
	s.files["/"+name] = f
	// The module must be the one that its script was made for; the others may
	// stand in for another version of themselves.
	if stem, _, ext, ok := splitName(name); ok && ext != ".wasm" {
		f.immutable = true
		s.stems[stem+ext] = f
	} else if ok {
		f.immutable = true
	}
}

func readFile(dir fs.FS, name, mime string) (*file, error) {
	f := &file{mime: mime}
	body, err := fs.ReadFile(dir, name)
	if err != nil {
		return nil, fmt.Errorf("read the site: %w", err)
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])[:HashDigits]
	for _, e := range encodings {
		packed, err := fs.ReadFile(dir, name+e.suffix)
		if err != nil {
			continue // not every file is worth packing
		}
		f.variants = append(f.variants, variant{encoding: e.name, etag: `"` + hash + "-" + e.name + `"`, body: packed})
	}
	f.variants = append(f.variants, variant{etag: `"` + hash + `"`, body: body})
	return f, nil
}

// splitName takes "app-0123456789abcdef.js" apart.
func splitName(name string) (stem, hash, ext string, ok bool) {
	ext = path.Ext(name)
	stem, hash, ok = strings.Cut(strings.TrimSuffix(name, ext), "-")
	if !ok || stem == "" || ext == "" || len(hash) != HashDigits || strings.Trim(hash, "0123456789abcdef") != "" {
		return "", "", "", false
	}
	return stem, hash, ext, true
}

// choose picks the best variant that the client takes (RFC 9110, 12.5.3).
func (f *file) choose(accept []string) *variant {
	for i := range f.variants[:len(f.variants)-1] {
		if accepts(accept, f.variants[i].encoding) {
			return &f.variants[i]
		}
	}
	return &f.variants[len(f.variants)-1]
}

// accepts reports whether an Accept-Encoding names the encoding, or "*" does,
// with a weight above zero.
func accepts(accept []string, encoding string) bool {
	taken := false
	for _, part := range strings.Split(strings.Join(accept, ","), ",") {
		name, parameter, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != encoding && name != "*" {
			continue
		}
		ok := weight(parameter) > 0
		if name == encoding {
			return ok
		}
		taken = ok
	}
	return taken
}

// weight reads "q=0.5"; without it the weight is 1, and what cannot be read is 0.
func weight(parameter string) float64 {
	name, value, found := strings.Cut(strings.TrimSpace(parameter), "=")
	if !found || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil {
		return 0
	}
	return q
}

// matches reports whether an If-None-Match names the tag (weak comparison).
func matches(none []string, etag string) bool {
	for _, part := range strings.Split(strings.Join(none, ","), ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == etag {
			return true
		}
	}
	return false
}
