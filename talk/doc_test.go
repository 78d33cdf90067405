package talk

import (
	"bytes"
	"encoding/hex"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// packageComment is the specification, by lines.
func packageComment(t *testing.T) []string {
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(file.Doc.Text(), "\n")
}

// TestDocExamples holds the examples of the specification to the codec: all of
// JSON reads and is written back as it stands, and bincode below JSON is the
// same message, in the vocabulary that it needs.
func TestDocExamples(t *testing.T) {
	lines := packageComment(t)
	isHex := regexp.MustCompile(`^\t[0-9a-f ]+$`)
	inJSON, inBincode := map[Tag]bool{}, map[Tag]bool{}
	for i, line := range lines {
		example, found := strings.CutPrefix(line, "\t{")
		if !found {
			continue
		}
		example = "{" + example
		m, err := Decode(JSON, []byte(example))
		if err != nil {
			t.Errorf("%s: %v", example, err)
			continue
		}
		full, err := Append(nil, Extended, m)
		bare, _ := Append(nil, JSON, m)
		if err != nil || string(full) != example && string(bare) != example {
			t.Errorf("%v\n  got %s\n want %s", err, full, example)
		}
		inJSON[m.Tag()] = true
		dump := ""
		for _, below := range lines[i+1:] {
			if !isHex.MatchString(below) {
				break
			}
			dump += strings.NewReplacer("\t", "", " ", "").Replace(below)
		}
		if dump == "" {
			continue
		}
		data, err := hex.DecodeString(dump)
		if err != nil {
			t.Errorf("below %s: %v", example, err)
			continue
		}
		binary := Bincode
		if string(bare) != example {
			binary = ExtendedBincode
		}
		same, err := Decode(binary, data)
		if err != nil {
			t.Errorf("below %s: %v", example, err)
			continue
		}
		if !reflect.DeepEqual(same, m) {
			t.Errorf("below %s: %#v", example, same)
		}
		if again, err := Append(nil, binary, same); err != nil || !bytes.Equal(again, data) {
			t.Errorf("bincode, %v\n  got %x\n want %x", err, again, data)
		}
		inBincode[m.Tag()] = true
	}
	for tag, name := range variantNames {
		if !inJSON[Tag(tag)] || Tag(tag) <= LastOriginalTag && !inBincode[Tag(tag)] {
			t.Errorf("%s has no example", name)
		}
	}
}

// TestDocCodes holds the tables of the specification to the constants.
func TestDocCodes(t *testing.T) {
	text := strings.Join(packageComment(t), "\n")
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		code := literal.Value
		if literal.Kind == token.STRING {
			if code, err = strconv.Unquote(code); err != nil {
				t.Fatal(err)
			}
		}
		if codes++; !strings.Contains(text, "\n\t"+code+" ") {
			t.Errorf("%s is not in the specification", code)
		}
		return true
	})
	if codes < 20 {
		t.Errorf("only %d codes were found", codes)
	}
}

// TestDocLimits holds the figures of the specification to the constants.
func TestDocLimits(t *testing.T) {
	text := strings.Join(packageComment(t), "\n")
	for _, figure := range []string{
		"text_bytes     4,000 ", "name_bytes     64 ", "name_clusters  32 ", "frame_bytes    65,536 ", "fetch_entries  500\n", "(1,048,576 bytes)", "256 parts: ",
	} {
		number := regexp.MustCompile(`[0-9][0-9,]*`).FindString(figure)
		n, err := strconv.Atoi(strings.ReplaceAll(number, ",", ""))
		if err != nil || !strings.Contains(text, figure) {
			t.Errorf("%q is not in the specification (%v)", figure, err)
		}
		limits := map[int]bool{MaxTextBytes: true, MaxNameBytes: true, MaxNameClusters: true, MaxFrameBytes: true, MaxFetch: true, MaxServerFrameBytes: true, MaxClientParts: true}
		if !limits[n] {
			t.Errorf("%d is no limit", n)
		}
	}
}
