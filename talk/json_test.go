package talk

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// postJSON is a PostMessage with one of its fields replaced by raw JSON.
func postJSON(field, value string) string {
	frame := `{"PostMessage":{"message":{"uuid":"` + adaText + `","username":"ada","text":"hello","room_id":7,"unixtime":1760000000}}}`
	was := map[string]string{
		"uuid": `"` + adaText + `"`, "username": `"ada"`, "text": `"hello"`, "room_id": "7", "unixtime": "1760000000",
	}
	old, ok := was[field]
	if !ok {
		return strings.Replace(frame, `}}}`, `,"`+field+`":`+value+`}}}`, 1)
	}
	return strings.Replace(frame, `"`+field+`":`+old, `"`+field+`":`+value, 1)
}

// TestJSONRefused has what no JSON of the wire is, and what hostile senders try. The
// error names the place and one sentinel, and nothing of the input.
func TestJSONRefused(t *testing.T) {
	const secret = "sesame"
	deep := strings.Repeat("[", 20000) + strings.Repeat("]", 20000)
	tests := []struct {
		name, in, where string
		want            error
	}{
		{"empty", ``, "", ErrSyntax},
		{"white space", " \n", "", ErrSyntax},
		{"no object", `"PostMessage"`, "", ErrWrongType},
		{"array", `[]`, "", ErrWrongType},
		{"no variant", `{}`, "", ErrUnknownVariant},
		{"unknown variant", `{"` + secret + `":{}}`, "", ErrUnknownVariant},
		{"variant of other case", `{"postmessage":{}}`, "", ErrUnknownVariant},
		{"two variants", `{"Ping":{"n":1},"Pong":{"n":1}}`, "", ErrSyntax},
		{"variant of no object", `{"Ping":1}`, "Ping", ErrWrongType},
		{"variant as array", `{"Ping":[1]}`, "Ping", ErrWrongType},
		{"variant as null", `{"Ping":null}`, "", ErrUnknownVariant},
		{"not closed", `{"Ping":{"n":1}`, "", ErrSyntax},
		{"trailing", `{"Ping":{"n":1}}{`, "", ErrSyntax},
		{"trailing NUL", "{\"Ping\":{\"n\":1}}\x00", "", ErrSyntax},
		{"byte order mark", "\ufeff" + `{"Ping":{"n":1}}`, "", ErrSyntax},
		{"comma at the end", `{"Ping":{"n":1,}}`, "Ping", ErrSyntax},
		{"comma missing", `{"Gap":{"room_id":1 "from":1,"to":1}}`, "Gap", ErrSyntax},
		{"colon missing", `{"Ping":{"n" 1}}`, "Ping.n", ErrSyntax},
		{"key of no string", `{"Ping":{n:1}}`, "Ping", ErrSyntax},
		{"comment", `{"Ping":{"n":1/**/}}`, "Ping", ErrSyntax},

		{"twice", `{"Ping":{"n":1,"n":1}}`, "Ping.n", ErrDuplicate},
		{"twice, once escaped", `{"Ping":{"n":1,"\u006e":1}}`, "Ping.n", ErrDuplicate},
		{"unknown twice", postJSON("zz", `1,"zz":2`), "PostMessage.message", ErrDuplicate},
		{"variant twice", `{"Ping":{"n":1},"Ping":{"n":1}}`, "Ping", ErrDuplicate},
		{"optional twice", postJSON("seq", `1,"seq":null`), "PostMessage.message.seq", ErrDuplicate},

		{"number for text", postJSON("text", `7`), "PostMessage.message.text", ErrWrongType},
		{"object for text", postJSON("text", `{}`), "PostMessage.message.text", ErrWrongType},
		{"array for text", postJSON("text", `["a"]`), "PostMessage.message.text", ErrWrongType},
		{"text for number", postJSON("room_id", `"7"`), "PostMessage.message.room_id", ErrWrongType},
		{"bool for number", postJSON("room_id", `true`), "PostMessage.message.room_id", ErrWrongType},
		{"number for bool", postJSON("pending", `1`), "PostMessage.message.pending", ErrWrongType},
		{"text for bool", postJSON("pending", `"true"`), "PostMessage.message.pending", ErrWrongType},
		{"half a bool", postJSON("pending", `tru`), "PostMessage.message.pending", ErrSyntax},
		{"rubbish", postJSON("room_id", secret), "PostMessage.message.room_id", ErrSyntax},
		{"no value", postJSON("room_id", ``), "PostMessage.message.room_id", ErrSyntax},

		{"fraction", postJSON("room_id", `7.0`), "PostMessage.message.room_id", ErrWrongType},
		{"exponent", postJSON("room_id", `7e0`), "PostMessage.message.room_id", ErrWrongType},
		{"exponent in upper case", postJSON("unixtime", `7E2`), "PostMessage.message.unixtime", ErrWrongType},
		{"leading nought", postJSON("room_id", `07`), "PostMessage.message", ErrSyntax},
		{"plus", postJSON("room_id", `+7`), "PostMessage.message.room_id", ErrSyntax},
		{"only minus", postJSON("room_id", `-`), "PostMessage.message.room_id", ErrSyntax},
		{"hexadecimal", postJSON("room_id", `0x7`), "PostMessage.message", ErrSyntax},
		{"i32 and one more", postJSON("room_id", `2147483648`), "PostMessage.message.room_id", ErrOutOfRange},
		{"i32 and one less", postJSON("room_id", `-2147483649`), "PostMessage.message.room_id", ErrOutOfRange},
		{"u64 and one more", postJSON("unixtime", `18446744073709551616`), "PostMessage.message.unixtime", ErrOutOfRange},
		{"u64 and far more", postJSON("unixtime", strings.Repeat("9", 400)), "PostMessage.message.unixtime", ErrOutOfRange},
		{"u64 below nought", postJSON("unixtime", `-1`), "PostMessage.message.unixtime", ErrOutOfRange},
		{"i64 and one more", postJSON("seq", `9223372036854775808`), "PostMessage.message.seq", ErrOutOfRange},
		{"i64 and one less", postJSON("seq", `-9223372036854775809`), "PostMessage.message.seq", ErrOutOfRange},
		{"u32 and one more", `{"Ping":{"n":4294967296}}`, "Ping.n", ErrOutOfRange},
		{"count below nought", `{"Presence":{"room_id":1,"member_count":-1}}`, "Presence.member_count", ErrOutOfRange},

		{"uuid without hyphens", postJSON("uuid", `"67e5504410b1426f9247bb680e5fe0c8"`), "PostMessage.message.uuid", ErrBadUUID},
		{"uuid of other letters", postJSON("uuid", `"`+strings.Replace(adaText, "67e", "67g", 1)+`"`), "PostMessage.message.uuid", ErrBadUUID},
		{"uuid with a space", postJSON("uuid", `"`+adaText+` "`), "PostMessage.message.uuid", ErrBadUUID},
		{"empty uuid", postJSON("uuid", `""`), "PostMessage.message.uuid", ErrBadUUID},

		{"not UTF-8", postJSON("text", "\"\xff\""), "", ErrNotUTF8},
		{"half a rune", postJSON("text", "\"\xe2\x82\""), "", ErrNotUTF8},
		{"surrogate in UTF-8", postJSON("text", "\"\xed\xa0\x80\""), "", ErrNotUTF8},
		{"overlong NUL", postJSON("text", "\"\xc0\x80\""), "", ErrNotUTF8},
		{"control in text", postJSON("text", "\"a\nb\""), "PostMessage.message.text", ErrSyntax},
		{"not ended", `{"LocalError":{"message":"` + secret, "LocalError.message", ErrSyntax},
		{"ended by an escape", `{"LocalError":{"message":"\`, "LocalError.message", ErrSyntax},
		{"ended within an escape", `{"LocalError":{"message":"\u00`, "LocalError.message", ErrSyntax},
		{"unknown escape", postJSON("text", `"\x41"`), "PostMessage.message.text", ErrSyntax},
		{"escape of three digits", postJSON("text", `"\u041"`), "PostMessage.message.text", ErrSyntax},
		{"escape of other digits", postJSON("text", `"\u00g0"`), "PostMessage.message.text", ErrSyntax},
		{"lone high surrogate", postJSON("text", `"\ud83d"`), "PostMessage.message.text", ErrSyntax},
		{"lone low surrogate", postJSON("text", `"\ude00"`), "PostMessage.message.text", ErrSyntax},
		{"two high surrogates", postJSON("text", `"\ud83d\ud83d"`), "PostMessage.message.text", ErrSyntax},
		{"surrogates the wrong way round", postJSON("text", `"\ude00\ud83d"`), "PostMessage.message.text", ErrSyntax},
		{"surrogate, then text", postJSON("text", `"\ud83dabcdef"`), "PostMessage.message.text", ErrSyntax},
		{"control in ignored text", postJSON("zz", "\"\x01\""), "PostMessage.message", ErrSyntax},
		{"lone surrogate in ignored text", postJSON("zz", `"\ud83d"`), "PostMessage.message", ErrSyntax},
		{"ignored rubbish", postJSON("zz", `nul`), "PostMessage.message", ErrSyntax},
		{"ignored number", postJSON("zz", `1.`), "PostMessage.message", ErrSyntax},
		{"ignored exponent", postJSON("zz", `1e+`), "PostMessage.message", ErrSyntax},
		{"ignored array", postJSON("zz", `[1 2]`), "PostMessage.message", ErrSyntax},
		{"ignored object", postJSON("zz", `{"a"}`), "PostMessage.message", ErrSyntax},
		{"ignored and deep", postJSON("zz", deep), "PostMessage.message", ErrSyntax},

		{"history within history", `{"History":{"text":[{"History":{"text":[]}}]}}`, "History.text", ErrWrongType},
		{"history within history, full", `{"History":{"text":[{"History":{"text":[{"LocalError":{"message":""}}]}}]}}`, "History.text", ErrWrongType},
		{"extended variant within history", `{"History":{"text":[{"Ping":{"n":1}}]}}`, "History.text", ErrWrongType},
		{"unknown variant within history", `{"History":{"text":[{"` + secret + `":{}}]}}`, "History.text", ErrUnknownVariant},
		{"field within history", `{"History":{"text":[` + postJSON("text", `7`) + `]}}`, "History.text.PostMessage.message.text", ErrWrongType},
		{"comma at the end of history", `{"History":{"text":[` + postJSON("text", `"7"`) + `,]}}`, "History.text", ErrSyntax},
		{"members", `{"Joined":{"room_id":1,"head_seq":1,"after_seq":1,"members":{},"member_count":1}}`, "Joined.members", ErrWrongType},
		{"limits", `{"Welcome":{"uuid":"` + adaText + `","server":"","limits":7}}`, "Welcome.limits", ErrWrongType},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, form := range []Form{JSON, Extended} {
				m, err := Decode(form, []byte(test.in))
				if !errors.Is(err, test.want) || m != nil {
					t.Fatalf("got %v, %v; want %v", m, err, test.want)
				}
				where := strings.TrimSuffix(strings.TrimSuffix(err.Error(), test.want.Error()), ": ")
				if where != test.where {
					t.Errorf("it names %q, want %q", where, test.where)
				}
				if strings.Contains(err.Error(), secret) {
					t.Errorf("it quotes the input: %v", err)
				}
			}
		})
	}
}

// TestJSONTaken has what is taken though no Append writes it.
func TestJSONTaken(t *testing.T) {
	hello := entryOf(KindPosted, nil)
	withText := func(text string) Entry { return entryOf(KindPosted, func(e *Entry) { e.Text = text }) }
	shuffled := ` {"PostMessage" : {"message":{
		"unixtime" : 1760000000 , "room_id":7,` + "\t\r\n" + `"text":"hello", "uuid":"` + strings.ToUpper(adaText) + `","username":"ada"} } } `
	tests := []struct {
		name, in string
		want     Message
	}{
		{"white space and order", shuffled, hello},
		{"escaped key", strings.Replace(postJSON("text", `"hello"`), `"text"`, `"te\u0078t"`, 1), hello},
		{"escaped variant", strings.Replace(postJSON("text", `"hello"`), `"PostMessage"`, `"Post\u004dessage"`, 1), hello},
		{"unknown fields", postJSON("zz", `[{"a":[],"b":{},"zz":-1.5e+3},"\u00e9\\",true,false,null,0]`), hello},
		{"unknown field first", strings.Replace(postJSON("text", `"hello"`), `{"uuid"`, `{"zz":0,"uuid"`, 1), hello},
		{"null for an optional field", postJSON("id", `null,"seq":null,"pending":null,"sent_at":null,"round":null`), hello},
		{"false for an optional field", postJSON("pending", `false`), hello},
		{"all escapes", postJSON("text", `"\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\uD83D\uDE00\u0000\uffff"`), withText("\"\\/\b\f\n\r\tAé€😀\x00\uffff")},
		{"escape at the end of eight", postJSON("text", `"1234567\n1234567\\"`), withText("1234567\n1234567\\")},
		{"DEL and C1", postJSON("text", "\"\x7f\u009f\""), withText("\x7f\u009f")},
		{"replacement character", postJSON("text", `"\ufffd`+"\ufffd\""), withText("\ufffd\ufffd")},
		{"after_id without after_seq", `{"JoinRoom":{"room_id":7,"uuid":"` + adaText + `","username":"ada","unixtime":0,"after_id":"` + idText + `"}}`,
			JoinRoom{RoomID: 7, UUID: ada, Username: "ada"}},
		{"null for after_seq", `{"JoinRoom":{"room_id":7,"uuid":"` + adaText + `","username":"ada","unixtime":0,"after_seq":null}}`,
			JoinRoom{RoomID: 7, UUID: ada, Username: "ada"}},
		{"missing", `{"Gap":{"room_id":1,"to":1}}`, Gap{RoomID: 1, To: 1}},
		{"missing within", strings.Replace(postJSON("text", `""`), `"text":"",`, "", 1), withText("")},
		{"message missing", `{"PostMessage":{}}`, Entry{Kind: KindPosted}},
		{"null for text", postJSON("text", `null`), withText("")},
		{"null for a number", `{"Ping":{"n":null}}`, Ping{}},
		{"minus nought", `{"Fetch":{"limit":-0}}`, Fetch{}},
		{"other case is another field", `{"Ping":{"n":1,"N":2}}`, Ping{N: 1}},
		{"number of any size in an unknown field", postJSON("zz", `-1e999999`), hello},
		{"member missing", `{"Joined":{"members":[{"username":"ada"},{}]}}`, Joined{Members: []Member{{Username: "ada"}, {}}}},
		{"empty Hello", `{"Hello":{}}`, Hello{}},
		{"error in history", `{"History":{"text":[{"Error":{"code":"a","message":"b"}}]}}`,
			History{Text: []Message{Error{Code: "a", Message: "b"}}}},
		{"empty history with white space", `{"History":{"text":[ ]}}`, History{}},
		{"bounded depth", postJSON("zz", strings.Repeat("[", 9000)+strings.Repeat("]", 9000)), hello},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, form := range []Form{JSON, Extended} {
				m, err := Decode(form, []byte(test.in))
				if err != nil || !reflect.DeepEqual(m, test.want) {
					t.Errorf("%v\n got %#v\nwant %#v", err, m, test.want)
				}
			}
		})
	}
}

// TestInvalidUTF8IsWrittenValid holds both codecs to frames that a peer can read.
func TestInvalidUTF8IsWrittenValid(t *testing.T) {
	e := entryOf(KindPosted, func(e *Entry) { e.Name, e.Text = "a\xff\xfeb", "\xed\xa0\x80" })
	for _, form := range everyForm {
		m, err := Decode(form, AppendEntry(nil, form, &e))
		if err != nil {
			t.Fatalf("form %d: %v", form, err)
		}
		if got := m.(Entry); got.Name != "a\ufffdb" || got.Text != "\ufffd" {
			t.Errorf("form %d: %q, %q", form, got.Name, got.Text)
		}
	}
}
