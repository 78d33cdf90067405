package talk

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// addGolden seeds a fuzz target with the golden vectors of a kind.
func addGolden(f *testing.F, ending string) {
	files, err := filepath.Glob("testdata/golden/*" + ending)
	if err != nil || len(files) == 0 {
		f.Fatal("no golden vectors: ", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// checkRefusal holds an error to the sentinels and to a length that no input
// can have its way with.
func checkRefusal(t *testing.T, err error) {
	for _, known := range []error{ErrBadUUID, ErrBadSecret, ErrSyntax, ErrUnknownVariant, ErrWrongType,
		ErrOutOfRange, ErrTooLarge, ErrTooManyParts, ErrNotUTF8, ErrDuplicate} {
		if errors.Is(err, known) {
			if len(err.Error()) > 160 {
				t.Errorf("a long error: %q", err)
			}
			return
		}
	}
	t.Errorf("an error of no kind: %v", err)
}

// checkRoundTrip holds a decoded message to every form that it exists in.
func checkRoundTrip(t *testing.T, m Message, size int) {
	if weight := weigh(m); weight > 16*size {
		t.Errorf("%d bytes became %d", size, weight)
	}
	data, err := Append(nil, Extended, m)
	if err != nil {
		t.Fatalf("append %#v: %v", m, err)
	}
	if again, err := Decode(Extended, data); err != nil || !reflect.DeepEqual(again, m) {
		t.Fatalf("%v\n got %#v\nwant %#v", err, again, m)
	}
	for _, form := range []Form{JSON, Bincode, ExtendedBincode} {
		data, err := Append(nil, form, m)
		if errors.Is(err, ErrForm) {
			continue
		}
		back, err := Decode(form, data)
		if err != nil {
			t.Fatalf("form %d: decode %q: %v", form, data, err)
		}
		if again, err := Append(nil, form, back); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("form %d: %v\n got %q\nwant %q", form, err, again, data)
		}
	}
}

// weigh is about the memory that a message takes.
func weigh(m Message) int {
	size := int(reflect.TypeOf(m).Size())
	switch m := m.(type) {
	case Entry:
		size += len(m.Name) + len(m.Text)
	case LocalError:
		size += len(m.Message)
	case Error:
		size += len(m.Code) + len(m.Message)
	case History:
		for _, event := range m.Text {
			size += 16 + weigh(event)
		}
	case Joined:
		size += len(m.Members) * int(reflect.TypeOf(Member{}).Size())
	}
	return size
}

func FuzzJSON(f *testing.F) {
	addGolden(f, ".json")
	f.Add([]byte(` {"Ping" : {"n":0, "zz":[{"a":-1.5e+3},"\u00e9\ud83d\ude00"]}} `))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(JSON, data)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if !json.Valid(data) {
			t.Fatalf("taken, but no JSON: %q", data)
		}
		checkOracle(t, data, m)
		checkRoundTrip(t, m, len(data))
	})
}

// FuzzFromClient: of what is JSON, exactly what has too many parts is refused before
// it is read; and the rest is read as ever.
func FuzzFromClient(f *testing.F) {
	addGolden(f, ".json")
	for _, frame := range costlyFrames() {
		f.Add([]byte(frame))
	}
	f.Add([]byte(`{"Ping":{"n":1,"zz":["\\",",,{[\"",{},[[]]]}}`))
	f.Add([]byte(`{"":{"":{"":1e700}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := DecodeFromClient(JSON, data)
		if err != nil {
			checkRefusal(t, err)
		}
		if len(data) > MaxFrameBytes || !json.Valid(data) {
			return
		}
		if parts := countParts(t, data); errors.Is(err, ErrTooManyParts) != (parts > MaxClientParts) {
			t.Fatalf("%d parts: %v", parts, err)
		}
		want, wantErr := Decode(JSON, data)
		if !errors.Is(err, ErrTooManyParts) && (!reflect.DeepEqual(got, want) || (err == nil) != (wantErr == nil)) {
			t.Fatalf("%v, %v, but Decode says %v, %v", got, err, want, wantErr)
		}
	})
}

// countParts counts by encoding/json's tokens: a container of n values is one part
// and has n-1 commas.
func countParts(t *testing.T, data []byte) (parts int) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()    // one too large for a float is a token like any other
	var tokens []int // of each container that is open
	for {
		token, err := d.Token()
		if err == io.EOF {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		last := len(tokens) - 1
		if token == json.Delim('}') || token == json.Delim(']') {
			parts += max(1, tokens[last])
			tokens = tokens[:last]
			continue
		}
		if last >= 0 {
			tokens[last]++
		}
		if _, opens := token.(json.Delim); opens {
			tokens = append(tokens, 0)
		}
	}
}

// checkOracle compares a message with what encoding/json makes of the frame and of
// the message written anew: all that is written must stand in the frame.
func checkOracle(t *testing.T, data []byte, m Message) {
	again, err := Append(nil, Extended, m)
	if err != nil {
		t.Fatal(err)
	}
	var theirs, ours any
	for _, one := range []struct {
		data []byte
		to   *any
	}{{data, &theirs}, {again, &ours}} {
		d := json.NewDecoder(bytes.NewReader(one.data))
		d.UseNumber()
		if err := d.Decode(one.to); err != nil {
			t.Fatalf("%q: %v", one.data, err)
		}
	}
	if place := differs(ours, theirs); place != "" {
		t.Errorf("%s differs:\n     %q\nbecame %q", place, data, again)
	}
}

// differs names a place where ours has a value that theirs lacks. A value that
// says nothing, such as 0, may be absent; text of other case may be a UUID.
func differs(ours, theirs any) string {
	switch ours := ours.(type) {
	case map[string]any:
		from, _ := theirs.(map[string]any)
		for name, value := range ours {
			if place := differs(value, from[name]); place != "" {
				return name + "." + place
			}
		}
	case []any:
		from, _ := theirs.([]any)
		if len(from) != len(ours) {
			return "length"
		}
		for i := range ours {
			if place := differs(ours[i], from[i]); place != "" {
				return place
			}
		}
	case string:
		if from, _ := theirs.(string); !strings.EqualFold(ours, from) && !(theirs == nil && ours == UUID{}.String()) {
			return "value"
		}
	case json.Number:
		if theirs != ours && !(theirs == nil && ours == "0") && !(theirs == json.Number("-0") && ours == "0") {
			return "value"
		}
	default:
		if theirs != ours {
			return "value"
		}
	}
	return ""
}

func FuzzBincode(f *testing.F) {
	addGolden(f, ".bincode")
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(Bincode, data)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		// There is one way to write a message, so that the bytes come back.
		if again, err := Append(nil, Bincode, m); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%v\n got %q\nwant %q", err, again, data)
		}
		checkRoundTrip(t, m, len(data))
	})
}

// FuzzExtendedBincode cannot ask for the same bytes, since what stands behind a
// message is left out.
func FuzzExtendedBincode(f *testing.F) {
	for _, messages := range []map[string]Message{original, extended} {
		for _, m := range messages {
			data, err := Append(nil, ExtendedBincode, m)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(ExtendedBincode, data)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		checkRoundTrip(t, m, len(data))
		again, err := Append(nil, ExtendedBincode, m)
		if err != nil {
			t.Fatal(err)
		}
		// In the frame with something behind it the same message stands.
		if longer, err := Decode(ExtendedBincode, append(again, 1, 2, 3)); err != nil || !reflect.DeepEqual(longer, m) {
			t.Fatalf("%v\n got %#v\nwant %#v", err, longer, m)
		}
	})
}

func FuzzEntry(f *testing.F) {
	f.Add(uint8(4), int32(7), adaText, "ada", "hello", uint64(now), int64(1), uint64(0), false, int32(0))
	f.Add(uint8(2), int32(-1<<31), "", "\xff", controls(), ^uint64(0), int64(-1<<63), ^uint64(0), true, int32(1<<31-1))
	f.Fuzz(func(t *testing.T, kind uint8, room int32, who, name, text string, unix uint64, seq int64, sent uint64, pending bool, round int32) {
		e := Entry{Kind: []Kind{KindJoined, KindLeft, KindRenamed, KindPosted}[kind%4], RoomID: room,
			Name: strings.ToValidUTF8(name, "\ufffd"), UnixTime: unix, Seq: seq, SentAt: sent, Pending: pending, Round: round}
		copy(e.Author[:], who)
		copy(e.ID[:], text)
		if e.Kind == KindRenamed || e.Kind == KindPosted {
			e.Text = strings.ToValidUTF8(text, "\ufffd")
		}
		checkRoundTrip(t, e, 1<<20)
		m, err := Decode(Extended, AppendEntry(nil, Extended, &e))
		if err != nil || m != Message(e) {
			t.Fatalf("%v\n got %#v\nwant %#v", err, m, e)
		}
	})
}

// FuzzJSONString compares both directions with the standard library.
func FuzzJSONString(f *testing.F) {
	for _, s := range []string{"", controls(), "\"\\/\u2028\u2029<>&", "\xff\xed\xa0\x80", "1234567\\1234567\"", "😀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := strings.ToValidUTF8(s, "\ufffd")
		var got struct{ LocalError struct{ Message string } }
		ours, err := Append(nil, JSON, LocalError{s})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(ours, &got); err != nil || got.LocalError.Message != want {
			t.Errorf("%q is read as %q, %v; want %q", ours, got.LocalError.Message, err, want)
		}
		theirs, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		for _, frame := range [][]byte{ours, append(append([]byte(`{"LocalError":{"message":`), theirs...), "}}"...)} {
			m, err := Decode(JSON, frame)
			if err != nil || m != Message(LocalError{want}) {
				t.Errorf("%q is read as %q, %v; want %q", frame, m, err, want)
			}
		}
	})
}

// FuzzJSONValue puts any JSON value where a string or a number belongs, and
// compares what comes of it with encoding/json and strconv.
func FuzzJSONValue(f *testing.F) {
	for _, s := range []string{`"a"`, `"\ud800"`, `"\ud83d\ude00"`, `"\u0000"`, `0`, `-0`, `-1`, `1.0`, `1e3`, `null`,
		`2147483647`, `2147483648`, `-2147483648`, `-2147483649`, `9223372036854775807`, `9223372036854775808`,
		`-9223372036854775808`, `18446744073709551615`, `18446744073709551616`, `4294967295`, `4294967296`, `[1]`, `{"a":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) || len(raw) > 1000 {
			return
		}
		checkStringValue(t, raw)
		word := strings.Trim(string(raw), " \t\r\n")
		i32, err := strconv.ParseInt(word, 10, 32)
		checkNumber(t, raw, `{"LeaveRoom":{"uuid":"`+adaText+`","username":"","unixtime":0,"room_id":`, LeaveRoom{RoomID: int32(i32), UUID: ada}, err)
		i64, err := strconv.ParseInt(word, 10, 64)
		checkNumber(t, raw, `{"Fetch":{"room_id":0,"fetch_before":0,"limit":`, Fetch{Limit: i64}, err)
		u64, err := strconv.ParseUint(word, 10, 64)
		checkNumber(t, raw, `{"Fetch":{"room_id":0,"limit":0,"fetch_before":`, Fetch{FetchBefore: u64}, err)
		u32, err := strconv.ParseUint(word, 10, 32)
		checkNumber(t, raw, `{"Ping":{"n":`, Ping{N: uint32(u32)}, err)
	})
}

func checkStringValue(t *testing.T, raw []byte) {
	m, err := Decode(JSON, []byte(`{"LocalError":{"message":`+string(raw)+`}}`))
	if !utf8.Valid(raw) {
		if !errors.Is(err, ErrNotUTF8) {
			t.Errorf("%q: %v", raw, err)
		}
		return
	}
	var want string
	if strings.Trim(string(raw), " \t\r\n") == "null" { // as if it were absent
		if m != Message(LocalError{}) {
			t.Errorf("%q is read as %q, %v", raw, m, err)
		}
		return
	}
	if bytes.TrimLeft(raw, " \t\r\n")[0] != '"' {
		if !errors.Is(err, ErrWrongType) && !errors.Is(err, ErrDuplicate) && !errors.Is(err, ErrSyntax) {
			t.Errorf("%q for a string: %v", raw, err)
		}
		return
	}
	if json.Unmarshal(raw, &want) != nil {
		t.Fatalf("encoding/json refuses %q", raw)
	}
	switch {
	case err == nil && m == Message(LocalError{want}):
	case err != nil && strings.Contains(want, "\ufffd"): // half a surrogate pair
	default:
		t.Errorf("%q is read as %q, %v; want %q", raw, m, err, want)
	}
}

func checkNumber(t *testing.T, raw []byte, before string, want Message, wantErr error) {
	m, err := Decode(JSON, []byte(before+string(raw)+`}}`))
	word := strings.Trim(string(raw), " \t\r\n")
	if wantErr != nil && word != "null" {
		if err == nil && word != "-0" {
			t.Errorf("%q is taken as %#v", raw, m)
		}
		return
	}
	if err != nil || m != want {
		t.Errorf("%q is read as %#v, %v; want %#v", raw, m, err, want)
	}
}

func FuzzUUID(f *testing.F) {
	f.Add(adaText)
	f.Add(strings.ToUpper(benText))
	f.Add("67e55044-10b1-426f-9247-bb680e5fe0cg")
	f.Fuzz(func(t *testing.T, s string) {
		if u, err := ParseUUID(s); err == nil && u.String() != strings.ToLower(s) {
			t.Errorf("%q became %s", s, u)
		}
	})
}
