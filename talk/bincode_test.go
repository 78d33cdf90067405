package talk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"
)

// le writes integers and bytes as bincode has them.
func le(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		if s, ok := v.(string); ok {
			v = []byte(s)
		}
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

func TestBincodeRefused(t *testing.T) {
	post := AppendEntry(nil, Bincode, &Entry{Kind: KindPosted, Author: ada, Name: "ada", Text: "hello"})
	localError := le(uint32(TagLocalError), uint64(0))
	const huge = uint64(1) << 63
	tests := []struct {
		name  string
		in    []byte
		where string
		want  error
	}{
		{"empty", nil, "", ErrSyntax},
		{"half a variant", le(uint16(0)), "", ErrSyntax},
		{"unknown variant", le(uint32(LastOriginalTag)+1, uint64(0)), "", ErrUnknownVariant},
		{"far variant", le(uint32(1) << 31), "", ErrUnknownVariant},
		{"JSON", []byte(`{"Ping":{"n":1}}`), "", ErrUnknownVariant},
		{"trailing byte", append(bytes.Clone(post), 0), "", ErrSyntax},
		{"cut before the time", post[:len(post)-8], "PostMessage.message.unixtime", ErrSyntax},
		{"cut within the time", post[:len(post)-1], "PostMessage.message.unixtime", ErrSyntax},
		{"cut within the text", post[:len(post)-14], "PostMessage.message.text", ErrSyntax},
		{"cut within the uuid", post[:20], "PostMessage.message.uuid", ErrSyntax},
		{"uuid of 15 bytes", le(uint32(TagUserLeft), uint64(15), ada[:15]), "UserLeft.uuid", ErrBadUUID},
		{"uuid of a text", le(uint32(TagUserLeft), uint64(36), adaText), "UserLeft.uuid", ErrBadUUID},
		{"uuid of a huge size", le(uint32(TagUserLeft), huge, ada[:]), "UserLeft.uuid", ErrBadUUID},
		{"huge text", le(uint32(TagLocalError), huge, "x"), "LocalError.message", ErrSyntax},
		{"text of all there could be", le(uint32(TagLocalError), ^uint64(0), "x"), "LocalError.message", ErrSyntax},
		{"text longer by one", le(uint32(TagLocalError), uint64(2), "x"), "LocalError.message", ErrSyntax},
		{"not UTF-8", le(uint32(TagError), uint64(0), uint64(1), "\xff"), "Error.message", ErrNotUTF8},
		{"surrogate in UTF-8", le(uint32(TagLocalError), uint64(3), "\xed\xa0\x80"), "LocalError.message", ErrNotUTF8},
		{"huge history", le(uint32(TagHistory), huge, localError), "History.text", ErrSyntax},
		{"history longer by one", le(uint32(TagHistory), uint64(2), localError), "History.text", ErrSyntax},
		{"history cut", le(uint32(TagHistory), uint64(2), localError, localError[:11], uint8(1)), "History.text.LocalError.message", ErrSyntax},
		{"history within history", le(uint32(TagHistory), uint64(1), uint32(TagHistory), uint64(0)), "History.text", ErrWrongType},
		{"unknown variant within history", le(uint32(TagHistory), uint64(1), uint32(99), uint64(0)), "History.text", ErrUnknownVariant},
		{"half a variant within history", le(uint32(TagHistory), uint64(2), uint32(TagLocalError), uint64(11), "hello world", uint8(0)), "History.text", ErrSyntax},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := Decode(Bincode, test.in)
			if !errors.Is(err, test.want) || m != nil {
				t.Fatalf("got %v, %v; want %v", m, err, test.want)
			}
			if where := strings.TrimSuffix(strings.TrimSuffix(err.Error(), test.want.Error()), ": "); where != test.where {
				t.Errorf("it names %q, want %q", where, test.where)
			}
		})
	}
}

// TestBincodeClaimsAllocateNothing holds the reader to what is really there: a
// frame that claims the most costs no more than an honest one.
func TestBincodeClaimsAllocateNothing(t *testing.T) {
	const claim, runs = uint64(1) << 40, 100
	for name, frame := range map[string][]byte{
		"text":    le(uint32(TagLocalError), claim, make([]byte, 100)),
		"history": le(uint32(TagHistory), claim, make([]byte, 100)),
		"uuid":    le(uint32(TagUserLeft), claim, make([]byte, 100)),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			if _, err := Decode(Bincode, frame); err == nil {
				t.Fatalf("%s: taken", name)
			}
		}
		runtime.ReadMemStats(&after)
		if perRun := (after.TotalAlloc - before.TotalAlloc) / runs; perRun > 4096 {
			t.Errorf("%s: %d bytes", name, perRun)
		}
	}
}
