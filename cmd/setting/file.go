package setting

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
)

// maxFile is more than all settings of a program need, in bytes.
const maxFile = 1 << 20

// setFromFile sets the flags that a file names and that nobody has set before.
func setFromFile(flags *flag.FlagSet, name string) error {
	data, err := readFile(name)
	if err != nil {
		return fmt.Errorf("-%s: %w", configFlag, err)
	}
	already, seen := given(flags), map[string]bool{}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		flagName, value := splitLine(string(line))
		if flagName == "" {
			continue
		}
		if err := setFromLine(flags, flagName, value, already, seen); err != nil {
			return fmt.Errorf("%s, line %d: %w", name, n, err)
		}
	}
	return nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxFile:
		return nil, fmt.Errorf("%s is no file of settings: it has more than %d bytes", name, maxFile)
	}
	return data, nil
}

// splitLine parts the name of a flag from its value; "" for a line without one. A
// value may have spaces, and a # that is not at the line's beginning is part of it.
func splitLine(line string) (name, value string) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "#") {
		return "", ""
	}
	if end := strings.IndexFunc(line, unicode.IsSpace); end >= 0 {
		return line[:end], strings.TrimSpace(line[end:])
	}
	return line, ""
}

func setFromLine(flags *flag.FlagSet, name, value string, already, seen map[string]bool) error {
	f := flags.Lookup(name)
	switch {
	case f == nil && strings.ContainsAny(name, endsWord):
		return fmt.Errorf("%q is not a setting here: a space parts a name from its value, no = and no colon", Shown(name))
	case f == nil || asked(f) || name == configFlag:
		return fmt.Errorf("%q is not a setting here; -h lists them, and here they have no dash", Shown(name))
	case seen[name]:
		return fmt.Errorf("%s stands here twice", name)
	}
	seen[name] = true
	if already[name] {
		return nil
	}
	if b, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() && value == "" {
		value = "true"
	}
	if err := flags.Set(name, value); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
