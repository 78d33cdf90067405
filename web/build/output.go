package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"tuitalk/web"
)

// keptNames are the files of dist that are under version control.
var keptNames = map[string]bool{"unbuilt.html": true}

// size is that of one file in its encodings, in bytes.
type size struct{ plain, gzip, brotli int }

// output is the directory of built files.
type output struct {
	dir     string
	written map[string]bool
}

func newOutput(dir string) *output {
	return &output{dir: dir, written: make(map[string]bool)}
}

// hashed writes a file under a name that tells its content.
func (o *output) hashed(stem, ext string, body []byte) (name string, s size, err error) {
	sum := sha256.Sum256(body)
	name = stem + "-" + hex.EncodeToString(sum[:])[:web.HashDigits] + ext
	s, err = o.pack(name, body, o.packedBefore(name))
	return name, s, err
}

// plain writes a file under its own name.
func (o *output) plain(name string, body []byte) (size, error) {
	return o.pack(name, body, false)
}

// packedBefore reports whether a file of this very content was packed by an
// earlier run: brotli's best takes seconds.
func (o *output) packedBefore(name string) bool {
	for _, suffix := range []string{"", ".gz", ".br"} {
		if info, err := os.Stat(filepath.Join(o.dir, name+suffix)); err != nil || info.Size() == 0 {
			return false
		}
	}
	return true
}

// pack writes a file and its packed forms.
func (o *output) pack(name string, body []byte, reuse bool) (s size, err error) {
	s.plain = len(body)
	if err := o.write(name, body); err != nil {
		return s, err
	}
	for _, form := range []struct {
		suffix string
		pack   func([]byte) ([]byte, error)
		size   *int
	}{{".gz", packGzip, &s.gzip}, {".br", packBrotli, &s.brotli}} {
		packed, err := o.packed(name+form.suffix, body, reuse, form.pack)
		if err != nil {
			return s, fmt.Errorf("pack %s: %w", name, err)
		}
		*form.size = len(packed)
	}
	return s, nil
}

func (o *output) packed(name string, body []byte, reuse bool, pack func([]byte) ([]byte, error)) ([]byte, error) {
	if reuse {
		o.written[name] = true
		return os.ReadFile(filepath.Join(o.dir, name))
	}
	packed, err := pack(body)
	if err != nil {
		return nil, err
	}
	return packed, o.write(name, packed)
}

// write replaces a file in one step, so that an interrupted run leaves no half.
func (o *output) write(name string, body []byte) error {
	path := filepath.Join(o.dir, name)
	if err := os.WriteFile(path+".new", body, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	o.written[name] = true
	return nil
}

// sweep removes what earlier runs have left.
func (o *output) sweep() error {
	entries, err := os.ReadDir(o.dir)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, entry := range entries {
		if o.written[entry.Name()] || keptNames[entry.Name()] {
			continue
		}
		if err := os.Remove(filepath.Join(o.dir, entry.Name())); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	return nil
}

func packGzip(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
