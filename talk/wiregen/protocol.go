package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// protocol is what message.go declares.
type protocol struct {
	variants []*object // in the order of their tags
	parts    []*object // objects within variants
}

// object is a variant of the enum, or an object within one.
type object struct {
	name    string // on the wire, for a variant
	goType  string
	kind    string // of an Entry: the constant; "" for others
	fields  []field
	variant bool

	original bool // the original has it
}

// field is a field as the wire has it.
type field struct {
	goName, goType string
	name           string // on the wire
	extended       bool   // the original does not have it
	optional       bool
	present        string // the bool that tells of it; "" where zero means absent
}

// entries are the variants that carry an Entry, by its kind.
var entries = map[string]string{
	"UserJoined": "KindJoined", "UserLeft": "KindLeft", "UsernameChanged": "KindRenamed", "PostMessage": "KindPosted",
}

// originals is how many variants the original has: the first ones.
const originals = 11

// parts are the structs that stand within messages.
var parts = []string{"Limits", "Member"}

func readProtocol(path string) (*protocol, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, err
	}
	structs := map[string]*ast.StructType{}
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			if s, ok := n.Type.(*ast.StructType); ok {
				structs[n.Name.Name] = s
			}
		case *ast.ValueSpec:
			if name, ok := strings.CutPrefix(n.Names[0].Name, "Tag"); ok {
				names = append(names, name)
			}
		}
		return true
	})
	p := &protocol{}
	for _, name := range names {
		o := &object{name: name, goType: name, kind: entries[name], variant: true, original: len(p.variants) < originals}
		if o.kind != "" {
			o.goType = "Entry"
		}
		p.variants = append(p.variants, o)
	}
	for _, name := range parts {
		p.parts = append(p.parts, &object{name: name, goType: name})
	}
	for _, o := range slices.Concat(p.variants, p.parts) {
		s, ok := structs[o.goType]
		if !ok {
			return nil, fmt.Errorf("%s has no struct", o.name)
		}
		if err := o.readFields(s); err != nil {
			return nil, fmt.Errorf("%s: %w", o.name, err)
		}
	}
	return p, nil
}

func (o *object) readFields(s *ast.StructType) error {
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			continue
		}
		text, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return err
		}
		tag := reflect.StructTag(text)
		declared, ok := tag.Lookup("wire")
		if own, has := tag.Lookup(o.name); has {
			declared, ok = own, own != "-"
		}
		if !ok {
			continue
		}
		name, option, _ := strings.Cut(declared, ",")
		if option != "" && option != "extended" && option != "optional" {
			return fmt.Errorf("%s is no option", option)
		}
		o.fields = append(o.fields, field{
			goName: f.Names[0].Name, goType: typeName(f.Type), name: name,
			extended: option != "", optional: option == "optional", present: tag.Get("present"),
		})
	}
	slices.SortStableFunc(o.fields, func(a, b field) int { return order(a) - order(b) })
	return nil
}

// order puts what the original has first.
func order(f field) int {
	if f.extended {
		return 1
	}
	return 0
}

func typeName(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.Ident:
		return t.Name
	case *ast.ArrayType:
		return "[]" + typeName(t.Elt)
	}
	return ""
}

// lower is the name of a variant within a Go identifier that is not exported.
func lower(name string) string { return strings.ToLower(name[:1]) + name[1:] }

// some is the condition under which an optional field is there.
func (f field) some() string {
	switch {
	case f.present != "":
		return "m." + f.present
	case f.goType == "bool":
		return "m." + f.goName
	case f.goType == "UUID", f.goType == "Secret":
		return "!m." + f.goName + ".IsZero()"
	}
	return "m." + f.goName + " != 0"
}
