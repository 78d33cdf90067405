package talk

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// declaredField is a field of the wire as the tags have it.
type declaredField struct {
	name, kind         string
	extended, optional bool
}

// declared returns the fields of each variant and of the objects within, in the
// order of the wire.
func declared() map[string][]declaredField {
	all := map[string][]declaredField{}
	for tag, name := range variantNames {
		all[name] = fieldsOf(name, reflect.TypeOf(zeroOf(Tag(tag))))
	}
	all["limits"] = fieldsOf("limits", reflect.TypeFor[Limits]())
	all["member"] = fieldsOf("member", reflect.TypeFor[Member]())
	return all
}

// kindOf is the Kind of the entries that travel as this variant.
var kindOf = map[Tag]Kind{TagUserJoined: KindJoined, TagUserLeft: KindLeft, TagUsernameChanged: KindRenamed, TagPostMessage: KindPosted}

// zeroOf is an empty message of the variant.
func zeroOf(tag Tag) Message {
	if kind, ok := kindOf[tag]; ok {
		return Entry{Kind: kind}
	}
	for _, messages := range []map[string]Message{original, extended} {
		for _, m := range messages {
			if m.Tag() == tag {
				return reflect.Zero(reflect.TypeOf(m)).Interface().(Message)
			}
		}
	}
	return nil
}

// wireKinds are the types of the wire by those of Go.
var wireKinds = map[string]string{
	"int": "u32", "int32": "i32", "int64": "i64", "uint32": "u32", "uint64": "u64", "bool": "bool", "string": "string", "talk.Code": "string",
	"talk.UUID": "uuid", "talk.Secret": "secret", "talk.Limits": "limits", "[]talk.Member": "[member]", "[]talk.Message": "[message]",
}

// wireTag is what a field is called in the variant, with its option, if it is there.
func wireTag(variant string, field reflect.StructField) (name, option string, ok bool) {
	text, ok := field.Tag.Lookup("wire")
	if own, has := field.Tag.Lookup(variant); has {
		text, ok = own, own != "-"
	}
	name, option, _ = strings.Cut(text, ",")
	return name, option, ok
}

func fieldsOf(variant string, t reflect.Type) (fields []declaredField) {
	for i := range t.NumField() {
		name, option, ok := wireTag(variant, t.Field(i))
		if !ok {
			continue
		}
		fields = append(fields, declaredField{name, wireKinds[t.Field(i).Type.String()], option != "", option == "optional"})
	}
	slices.SortStableFunc(fields, func(a, b declaredField) int {
		switch {
		case a.extended == b.extended:
			return 0
		case b.extended:
			return -1
		}
		return 1
	})
	return fields
}

// lineOf is how the specification has the fields of an object.
func lineOf(label string, fields []declaredField, original bool) string {
	var line strings.Builder
	line.WriteString(label)
	for i, f := range fields {
		switch {
		case i == 0 && f.extended && original:
			line.WriteString("; ")
		case i == 0:
			line.WriteString("  ")
		case original && f.extended && !fields[i-1].extended:
			line.WriteString("; ")
		default:
			line.WriteString(", ")
		}
		line.WriteString(f.name)
		if f.optional {
			line.WriteString("?")
		}
		line.WriteString(" " + f.kind)
	}
	return line.String()
}

// TestDocFields holds the table of the specification to the declarations.
func TestDocFields(t *testing.T) {
	text := "\n" + strings.Join(packageComment(t), "\n") + "\n"
	all := declared()
	lines := []string{lineOf("limits", all["limits"], false), lineOf("member", all["member"], false)}
	for tag, name := range variantNames {
		lines = append(lines, lineOf(fmt.Sprintf("%2d %s", tag, name), all[name], Tag(tag) <= LastOriginalTag))
	}
	for _, line := range lines {
		if !strings.Contains(text, "\n\t"+line+"\n") {
			t.Errorf("the specification lacks the line\n//\t%s", line)
		}
	}
}

// TestEveryFieldHasAType holds the declarations to the types that the wire has.
func TestEveryFieldHasAType(t *testing.T) {
	for name, fields := range declared() {
		if len(fields) == 0 {
			t.Errorf("%s has no field", name)
		}
		for _, f := range fields {
			if f.kind == "" {
				t.Errorf("%s.%s has a type that the wire lacks", name, f.name)
			}
		}
	}
}
