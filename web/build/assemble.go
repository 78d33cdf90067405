package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Places in the sources that stand for the names of built files.
const (
	stylePlace  = "@STYLE@"
	scriptPlace = "@SCRIPT@"
	modulePlace = "@MODULE@"
	iconPlace   = "@ICON@"
)

// sizes tells what was made, in bytes.
type sizes struct {
	module, script, style, page size
}

func (s sizes) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-7s %9s %9s %9s\n", "", "plain", "gzip", "brotli")
	for _, row := range []struct {
		name string
		size
	}{{"module", s.module}, {"script", s.script}, {"style", s.style}, {"page", s.page}} {
		fmt.Fprintf(&b, "%-7s %9d %9d %9d\n", row.name, row.plain, row.gzip, row.brotli)
	}
	return b.String()
}

// assemble writes all files, each after those whose names it holds.
func assemble(out *output, static string, module, runtime []byte) (s sizes, err error) {
	source := make(map[string][]byte)
	for _, name := range []string{"index.html", "style.css", "shell.js", "bridge.js", "icon.svg"} {
		if source[name], err = os.ReadFile(filepath.Join(static, name)); err != nil {
			return s, fmt.Errorf("read the sources: %w", err)
		}
	}
	var moduleName, scriptName, styleName, iconName string
	if moduleName, s.module, err = out.hashed("app", ".wasm", module); err != nil {
		return s, err
	}
	shell, err := fill(source["shell.js"], modulePlace, moduleName)
	if err != nil {
		return s, fmt.Errorf("shell.js: %w", err)
	}
	script := bytes.Join([][]byte{shell, runtime, source["bridge.js"]}, []byte("\n"))
	if scriptName, s.script, err = out.hashed("app", ".js", script); err != nil {
		return s, err
	}
	if styleName, s.style, err = out.hashed("style", ".css", source["style.css"]); err != nil {
		return s, err
	}
	if iconName, _, err = out.hashed("icon", ".svg", source["icon.svg"]); err != nil {
		return s, err
	}
	page, err := fill(source["index.html"], stylePlace, styleName, scriptPlace, scriptName,
		modulePlace, moduleName, iconPlace, iconName)
	if err != nil {
		return s, fmt.Errorf("index.html: %w", err)
	}
	s.page, err = out.plain("index.html", page)
	return s, err
}

// fill puts names into their places; each place must occur.
func fill(source []byte, placesAndNames ...string) ([]byte, error) {
	for i := 0; i < len(placesAndNames); i += 2 {
		place, name := []byte(placesAndNames[i]), []byte(placesAndNames[i+1])
		if !bytes.Contains(source, place) {
			return nil, fmt.Errorf("there is no %s in it", place)
		}
		source = bytes.ReplaceAll(source, place, name)
	}
	return source, nil
}
