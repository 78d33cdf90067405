package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// writeJSON writes, for each object, a struct as the JSON library wants it, and
// the two ways between it and the object.
func writeJSON(b *bytes.Buffer, p *protocol) {
	b.WriteString("//go:build !js\n\n" + header + "package talk\n\nimport \"github.com/goccy/go-json/jsontext\"\n\n")
	writeNames(b, p)
	writeFrame(b, p)
	writeMarshal(b, p)
	for _, o := range slices.Concat(p.variants, p.parts) {
		o.writeStruct(b)
		o.writeFrom(b)
		o.writeTo(b)
	}
}

// writeNames writes what fields are called.
func writeNames(b *bytes.Buffer, p *protocol) {
	names := map[string]bool{"message": true}
	for _, o := range slices.Concat(p.variants, p.parts) {
		for _, f := range o.fields {
			names[f.name] = true
		}
	}
	b.WriteString("// fieldNames are all the names of fields.\nvar fieldNames = []string{\n")
	for _, name := range slices.Sorted(maps.Keys(names)) {
		fmt.Fprintf(b, "%q,\n", name)
	}
	b.WriteString("}\n\n")
}

// writeFrame writes the enum: an object with one key.
func writeFrame(b *bytes.Buffer, p *protocol) {
	b.WriteString("// jsonFrame has the variants under their names. One of them is there.\ntype jsonFrame struct {\n")
	for _, o := range p.variants {
		goType := "json" + o.name
		if o.name == "PostMessage" {
			goType = "jsonPost"
		}
		fmt.Fprintf(b, "%s *%s\n", o.name, goType)
	}
	b.WriteString("}\n\n// messages returns the message and how many there are.\n")
	b.WriteString("func (f *jsonFrame) messages() (found Message, count int, err error) {\n")
	for _, o := range p.variants {
		source := "f." + o.name
		fmt.Fprintf(b, "if %s != nil {\ncount++\n", source)
		if o.name == "PostMessage" {
			source += ".Message"
		}
		if o.kind != "" {
			fmt.Fprintf(b, "m := Entry{Kind: %s}\n", o.kind)
		} else {
			fmt.Fprintf(b, "var m %s\n", o.goType)
		}
		if o.name == "History" {
			fmt.Fprintf(b, "err = %s.to(&m)\n", source)
		} else {
			fmt.Fprintf(b, "%s.to(&m)\n", source)
		}
		b.WriteString("found = m\n}\n")
	}
	b.WriteString("return found, count, err\n}\n\n")
}

func writeMarshal(b *bytes.Buffer, p *protocol) {
	b.WriteString("func appendJSON(dst []byte, m Message, extended bool) []byte {\nswitch m := m.(type) {\n")
	for _, o := range p.variants {
		if o.kind == "" {
			fmt.Fprintf(b, "case %s:\nvar j json%s\nj.from(&m, extended)\nreturn appendVariant(dst, Tag%s, j)\n", o.goType, o.name, o.name)
		}
	}
	b.WriteString("case Entry:\nreturn appendJSONEntry(dst, &m, extended)\n}\nreturn dst\n}\n\n")
	b.WriteString("func appendJSONEntry(dst []byte, e *Entry, extended bool) []byte {\nswitch e.Tag() {\n")
	for _, o := range p.variants {
		switch {
		case o.name == "PostMessage":
			fmt.Fprintf(b, "default:\nvar j jsonPost\nj.Message.from(e, extended)\nreturn appendVariant(dst, TagPostMessage, j)\n")
		case o.kind != "":
			fmt.Fprintf(b, "case Tag%s:\nvar j json%s\nj.from(e, extended)\nreturn appendVariant(dst, Tag%s, j)\n", o.name, o.name, o.name)
		}
	}
	b.WriteString("}\n}\n\n")
}

// jsonType is a field's type in the library's struct.
func (f field) jsonType() string {
	switch f.goType {
	case "UUID", "Secret", "Limits":
		return "json" + f.goType
	case "[]Message":
		return "jsontext.Value"
	case "[]Member":
		return "[]jsonMember"
	case "Code":
		return "string"
	case "int":
		return "uint32"
	}
	if f.pointer() {
		return "*" + f.goType
	}
	return f.goType
}

// pointer tells of fields that may be absent although they are not zero.
func (f field) pointer() bool { return f.present != "" || f.extended && !f.optional }

func (o *object) writeStruct(b *bytes.Buffer) {
	fmt.Fprintf(b, "type json%s struct {\n", o.name)
	for _, f := range o.fields {
		option := ""
		if f.extended {
			option = ",omitzero"
		}
		fmt.Fprintf(b, "%s %s `json:\"%s%s\"`\n", f.goName, f.jsonType(), f.name, option)
	}
	b.WriteString("}\n\n")
	if o.name == "PostMessage" {
		b.WriteString("type jsonPost struct {\nMessage jsonPostMessage `json:\"message\"`\n}\n\n")
	}
}

func (o *object) writeFrom(b *bytes.Buffer) {
	argument := ""
	if o.variant {
		argument = ", extended bool"
	}
	fmt.Fprintf(b, "func (j *json%s) from(m *%s%s) {\n", o.name, o.goType, argument)
	inExtended := false
	for _, f := range o.fields {
		if o.original && f.extended && !inExtended {
			inExtended = true
			b.WriteString("if !extended {\nreturn\n}\n")
		}
		fmt.Fprintf(b, "%s\n", f.from())
	}
	b.WriteString("}\n\n")
}

func (f field) from() string {
	switch f.goType {
	case "string", "Code":
		return fmt.Sprintf("j.%s = validText(string(m.%s))", f.goName, f.goName)
	case "UUID", "Secret":
		return fmt.Sprintf("j.%s = json%s(m.%s)", f.goName, f.goType, f.goName)
	case "int":
		return fmt.Sprintf("j.%s = uint32(m.%s)", f.goName, f.goName)
	case "Limits":
		return fmt.Sprintf("j.%s.from(&m.%s)", f.goName, f.goName)
	case "[]Message":
		return fmt.Sprintf("j.%s = jsonEventsOf(m.%s, extended)", f.goName, f.goName)
	case "[]Member":
		return fmt.Sprintf("j.%s = make([]jsonMember, len(m.%s))\nfor i := range m.%s {\nj.%s[i].from(&m.%s[i])\n}",
			f.goName, f.goName, f.goName, f.goName, f.goName)
	}
	switch {
	case f.present != "":
		return fmt.Sprintf("if m.%s {\nj.%s = &m.%s\n}", f.present, f.goName, f.goName)
	case f.pointer():
		return fmt.Sprintf("j.%s = &m.%s", f.goName, f.goName)
	}
	return fmt.Sprintf("j.%s = m.%s", f.goName, f.goName)
}

func (o *object) writeTo(b *bytes.Buffer) {
	result, end := "", ""
	if o.name == "History" {
		result, end = " (err error)", "return err\n"
	}
	fmt.Fprintf(b, "func (j *json%s) to(m *%s)%s {\n", o.name, o.goType, result)
	for _, f := range o.fields {
		fmt.Fprintf(b, "%s\n", f.to())
	}
	b.WriteString(end + "}\n\n")
}

func (f field) to() string {
	switch f.goType {
	case "UUID", "Secret", "Code", "int":
		return fmt.Sprintf("m.%s = %s(j.%s)", f.goName, f.goType, f.goName)
	case "Limits":
		return fmt.Sprintf("j.%s.to(&m.%s)", f.goName, f.goName)
	case "[]Message":
		return fmt.Sprintf("m.%s, err = eventsOf(j.%s)", f.goName, f.goName)
	case "[]Member":
		return fmt.Sprintf("if len(j.%s) > 0 {\nm.%s = make([]Member, len(j.%s))\n}\nfor i := range j.%s {\nj.%s[i].to(&m.%s[i])\n}",
			f.goName, f.goName, f.goName, f.goName, f.goName, f.goName)
	}
	switch {
	case f.present != "":
		return fmt.Sprintf("if j.%s != nil {\nm.%s, m.%s = true, *j.%s\n}", f.goName, f.present, f.goName, f.goName)
	case f.pointer():
		return fmt.Sprintf("if j.%s != nil {\nm.%s = *j.%s\n}", f.goName, f.goName, f.goName)
	}
	return fmt.Sprintf("m.%s = j.%s", f.goName, f.goName)
}
