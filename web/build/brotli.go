package main

import (
	"bytes"

	"github.com/andybalholm/brotli"
)

// windowBits is brotli's largest window: 16 MiB, more than the module.
const windowBits = 24

func packBrotli(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w := brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: windowBits})
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
