package scenario

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	json "github.com/goccy/go-json"
)

//go:embed presets/*.json
var presets embed.FS

// base is the preset that names every field; the others say what they have
// different.
const base = "small"

// Default is the scenario of those who ask for none.
func Default() Scenario {
	s, err := Load(base)
	if err != nil {
		panic(err) // it is part of the program, and a test reads it
	}
	return s
}

// Presets are the names that Load knows, and what each is for.
func Presets() (all []Scenario, err error) {
	files, err := presets.ReadDir("presets")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		s, err := Load(strings.TrimSuffix(f.Name(), ".json"))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Load reads a preset by its name, or a file, whose name ends in .json. What it
// does not mention is as in the preset small.
func Load(name string) (Scenario, error) {
	if strings.HasSuffix(name, ".json") {
		text, err := os.ReadFile(name)
		if err != nil {
			return Scenario{}, fmt.Errorf("read the scenario: %w", err)
		}
		s := Default()
		s.Name, s.About = strings.TrimSuffix(path.Base(name), ".json"), ""
		return s, s.read(name, text)
	}
	text, err := presets.ReadFile("presets/" + name + ".json")
	if err != nil {
		return Scenario{}, fmt.Errorf("there is no scenario %q: -scenario list shows them, and a file's name ends in .json", name)
	}
	var s Scenario
	if name != base {
		s = Default()
	}
	err = s.read(name, text)
	s.Name = name
	return s, err
}

// read lays a JSON text over s.
func (s *Scenario) read(name string, text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return fmt.Errorf("read the scenario %s: %w", name, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the scenario %s: something follows behind its end", name)
	}
	return nil
}
