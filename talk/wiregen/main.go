// Wiregen makes talk/bincode_fields.go and talk/json_fields.go from the structs
// and their tags in talk/message.go. Run it in the folder talk:
//
//	go run ./wiregen
//
// A field of the wire has the tag wire:"name". Its place in the struct is its
// place on the wire, those of the original's vocabulary first. To the name,
// behind a comma:
//
//	extended  only the extended vocabulary has it
//	optional  likewise, and there it may be absent: it is when it is zero
//
// A further tag present:"Field" names the bool that tells whether an optional
// field is there. A tag named after a variant says what the field is there, if
// that is something else than elsewhere: - for nothing.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", ".", "folder of package talk")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "wiregen:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	files, err := generate(filepath.Join(dir, "message.go"))
	if err != nil {
		return err
	}
	for name, source := range files {
		if err := os.WriteFile(filepath.Join(dir, name), source, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the files by their names.
func generate(messages string) (map[string][]byte, error) {
	p, err := readProtocol(messages)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for name, write := range map[string]func(*bytes.Buffer, *protocol){
		"bincode_fields.go": writeBincode,
		"json_fields.go":    writeJSON,
	} {
		var b bytes.Buffer
		write(&b, p)
		source, err := format.Source(b.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", name, err, b.Bytes())
		}
		files[name] = source
	}
	return files, nil
}
