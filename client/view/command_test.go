package view

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"tuitalk/client"
	"tuitalk/talk"
)

func TestParseInput(t *testing.T) {
	act := func(e client.Event) Input { return Input{Action: Act, Events: []client.Event{e}} }
	say := func(s string) Input { return act(client.Post{Text: s}) }
	for _, c := range []struct {
		line string
		want Input
	}{
		{"", Input{}},
		{" \t\n ", Input{}},
		{"hello", say("hello")},
		{"\n  two\nlines \n\n", say("  two\nlines")},
		{"//help", say("/help")},
		{"///", say("//")},
		{" /help", say(" /help")},
		{"bad \x1b[2J text", say("bad [2J text")},
		{"/help", Input{Action: ShowHelp}},
		{"/HELP  ", Input{Action: ShowHelp}},
		{"/clear", act(client.Clear{})},
		{"/name Ada", act(client.SetName{Name: "Ada"})},
		{"/name  Ada   Lovelace ", act(client.SetName{Name: "Ada Lovelace"})},
		{"/room 1", act(client.Join{Room: 1})},
		{"/room -2147483648", act(client.Join{Room: -2147483648})},
		{"/room\t2147483647", act(client.Join{Room: 2147483647})},
		{"/fetch 1", act(client.FetchOlder{Limit: 1})},
		{"/fetch 500", act(client.FetchOlder{Limit: 500})},
		{"/members", Input{Action: ToggleMembers}},
		{"/search two words", Input{Action: FindText, Text: "two words"}},
		{"/search", Input{Action: FindText}},
		{"/unread", Input{Action: GoUnread}},
		{"/retry", Input{Action: retryUnsent}},
		{"/retry 2", Input{Action: retryUnsent, Number: 2}},
		{"/discard 3", Input{Action: discardUnsent, Number: 3}},
		{"/quit", Input{Action: Leave, Events: []client.Event{client.Quit{}}}},
	} {
		got, err := parseInput(c.line)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("parseInput(%q) = %+v, %v; want %+v", c.line, got, err, c.want)
		}
	}
}

func TestParseInputExplains(t *testing.T) {
	for _, c := range []struct{ line, says string }{
		{"/", "no command /"},
		{"/names", "Did you mean /name?"},
		{"/names Bob", "Did you mean /name?"},
		{"/mem", "Did you mean /members?"},
		{"/usr/bin/env", "//usr/bin/env says it"},
		{"/wave hello", "no command /wave."},
		{"/" + strings.Repeat("x", 5000), "no such command"},
		{"/help me", "stands alone"},
		{"/clear\nand more", "stands alone"},
		{"/quit now", "stands alone"},
		{"/name", "as in /name Ada"},
		{"/name \u200b\u202e", "visible character"},
		{"/name " + strings.Repeat("x", 33), "at most 32"},
		{"/room", "integer"},
		{"/room one", "integer"},
		{"/room 1 2", "integer"},
		{"/room 2147483648", "-2147483648 to 2147483647"},
		{"/room 99999999999999999999", "-2147483648 to 2147483647"},
		{"/fetch", "as in /fetch 50"},
		{"/fetch x", "as in /fetch 50"},
		{"/fetch 0", "from 1 to 500"},
		{"/fetch -3", "from 1 to 500"},
		{"/fetch 501", "from 1 to 500"},
		{"/fetch 99999999999999999999", "from 1 to 500"},
		{"/retry x", "/retry needs the number"},
		{"/discard 0", "/discard needs the number"},
		{"a\x00b", "NUL"},
		{strings.Repeat("x", talk.MaxTextBytes+1), "4000 bytes"},
		{"\u200b", "visible character"},
	} {
		_, err := parseInput(c.line)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("parseInput(%.40q) says %v; want %q", c.line, err, c.says)
		}
		if err != nil && talk.CleanText(err.Error()) != err.Error() {
			t.Errorf("parseInput(%.40q) says something unclean: %q", c.line, err)
		}
	}
}

func TestUnsentEvents(t *testing.T) {
	id := func(n byte) talk.UUID { return talk.UUID{n} }
	box := []client.Outgoing{{ID: id(1), Delivery: client.Waiting}, {ID: id(2), Delivery: client.Failed}, {ID: id(3), Delivery: client.Failed}}
	for _, c := range []struct {
		in   Input
		box  []client.Outgoing
		want []client.Event
		says string
	}{
		{Input{Action: retryUnsent}, box, []client.Event{client.Retry{ID: id(2)}, client.Retry{ID: id(3)}}, ""},
		{Input{Action: retryUnsent, Number: 3}, box, []client.Event{client.Retry{ID: id(3)}}, ""},
		{Input{Action: discardUnsent, Number: 1}, box, []client.Event{client.Discard{ID: id(1)}}, ""},
		{Input{Action: discardUnsent}, box[:2], []client.Event{client.Discard{ID: id(2)}}, ""},
		{Input{Action: discardUnsent}, box, nil, "2 messages have failed"},
		{Input{Action: discardUnsent, Number: 4}, box, nil, "is 3."},
		{Input{Action: retryUnsent}, box[:1], nil, "No message"},
	} {
		got, err := unsentEvents(c.in, c.box)
		if !reflect.DeepEqual(got, c.want) || (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("unsentEvents(%+v) = %v, %v; want %v, %q", c.in, got, err, c.want, c.says)
		}
	}
}

func TestComplete(t *testing.T) {
	words := vocabulary{Names: []string{"Ada", "adam", "Bob", "Zoë K", "ada", "ev\x1bil"}, Rooms: []int32{12, -1, 1}}
	for _, c := range []struct {
		line  string // | is the cursor
		start int
		want  []string
	}{
		{"/|", 0, nil}, // every command, checked below
		{"/m|", 0, []string{"/members"}},
		{"/N|", 0, []string{"/name "}},
		{"/x|", 0, nil},
		{"/room |", 6, []string{"-1", "1", "12"}},
		{"/room 1|", 6, []string{"1", "12"}},
		{"ad|", 0, []string{"Ada: ", "ada: ", "adam: "}},
		{"hello @B|", 7, []string{"Bob "}},
		{"hello zO|, and", 6, []string{"Zoë K "}},
		{"two\nzoË|", 4, []string{"Zoë K "}},
		{"hello |", 6, nil},
		{"ev|", 0, []string{"evil: "}},
		{"|", 0, nil},
	} {
		at := strings.Index(c.line, "|")
		start, got := complete(c.line[:at]+c.line[at+1:], at, words)
		if c.line == "/|" {
			if len(got) != len(Commands()) || !slices.IsSorted(got) {
				t.Errorf("complete(/) = %q", got)
			}
			continue
		}
		if start != c.start || !slices.Equal(got, c.want) {
			t.Errorf("complete(%q) = %d, %q; want %d, %q", c.line, start, got, c.start, c.want)
		}
	}
}

func FuzzParseInput(f *testing.F) {
	for _, s := range []string{"/name x", "/room -1", "//", "/fetch 5\n", "hi\u202e", "/\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		in, err := parseInput(line)
		if err != nil {
			if s := err.Error(); s == "" || talk.CleanText(s) != s {
				t.Errorf("unclean sentence %q", s)
			}
			return
		}
		for _, ev := range in.Events {
			p, ok := ev.(client.Post)
			if !ok {
				continue
			}
			if clean, err := talk.CheckText(p.Text); err != nil || clean != p.Text {
				t.Errorf("post of %q: %v", p.Text, err)
			}
		}
		for at := range line {
			if at > 64 {
				break // each costs as much as the line is long
			}
			if start, _ := complete(line, at, vocabulary{Names: []string{line}}); start > at {
				t.Errorf("completion begins at %d behind the cursor %d", start, at)
			}
		}
	})
}
