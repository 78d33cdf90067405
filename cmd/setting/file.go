package setting

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// maxFile is more than all settings of a program need, in bytes.
const maxFile = 1 << 20

// readFile hands the settings of a file to set, which passes over those that the
// command line or the environment has set.
func (f *Flags) readFile(r io.Reader, set func(name, value string) error) error {
	file := f.Lookup(configFlag).Value.String()
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	switch {
	case err != nil:
		return err
	case len(data) > maxFile:
		return fmt.Errorf("-%s: %s is no file of settings: it has more than %d bytes", configFlag, file, maxFile)
	}
	seen := map[string]bool{}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		name, value := splitLine(string(line))
		if name == "" {
			continue
		}
		err := f.checkKey(name, seen)
		if err == nil {
			err = set(name, f.orTrue(name, value))
		}
		if err != nil {
			return f.wrongLine(fmt.Sprintf("%s, line %d", file, n), err)
		}
	}
	return nil
}

// wrongLine says where it stands.
func (f *Flags) wrongLine(where string, err error) error {
	if f.refused != nil {
		f.refused.from = where
		return f.refused
	}
	return fmt.Errorf("%s: %w", where, err)
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

// checkKey refuses a name that is no setting of this program, or stands there twice.
func (f *Flags) checkKey(name string, seen map[string]bool) error {
	one := f.Lookup(name)
	switch {
	case one == nil && strings.ContainsAny(name, endsWord):
		return fmt.Errorf("%q is not a setting here: a space parts a name from its value, no = and no colon", Shown(name))
	case one == nil && strings.HasPrefix(name, "-"):
		return fmt.Errorf("%q is not a setting here: here they have no dash%s", Shown(name), f.suggest(name, ""))
	case one == nil || Asked(one) || name == configFlag:
		return fmt.Errorf("%q is not a setting here%s", Shown(name), f.suggest(name, ""))
	case seen[name]:
		return fmt.Errorf("%s stands here twice", name)
	}
	seen[name] = true
	return nil
}

// orTrue lets the name of a setting that is true or false stand alone.
func (f *Flags) orTrue(name, value string) string {
	if b, ok := f.Lookup(name).Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() && value == "" {
		return "true"
	}
	return value
}
