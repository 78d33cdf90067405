package view

import (
	"strconv"

	"tuitalk/client"
)

// fetch is older history that the user asked for.
type fetch struct {
	asked bool
	quiet bool  // he sees what it brings
	from  int64 // seq of the oldest entry then; 0: the log was empty
}

// Submit understands what the user entered and remembers it, and what it means
// for the view. The Events of the Input are to be handed to the driver. An error is a sentence for
// the user, who then still wants to have the line.
func (v *View) Submit(line string) (Input, error) {
	in, err := parseInput(line)
	if err != nil {
		return Input{}, err
	}
	switch in.Action {
	case Nothing:
		return in, nil
	case retryUnsent, discardUnsent:
		if in.Events, err = unsentEvents(in, v.session.Outbox()); err != nil {
			return Input{}, err
		}
		in.Action = Act
	case Act:
		in = v.prepare(in)
	}
	v.Inputs.Add(line)
	return in, nil
}

// prepare looks at what goes to the session.
func (v *View) prepare(in Input) Input {
	switch ev := in.Events[0].(type) {
	case client.Join:
		if ev.Room == v.room {
			return Input{Action: Tell, Text: "You are in room " + strconv.Itoa(int(v.room)) + " already."}
		}
	case client.FetchOlder:
		if v.session.Complete() {
			return Input{Action: Tell, Text: nothingOlder}
		}
		v.fetch = fetch{asked: true, from: v.oldest()}
	case client.Clear:
		v.readAll()
		v.loader.off = true
	}
	return in
}

const nothingOlder = "This room has nothing older."

// fetched is what to say of a /fetch that is over.
func (v *View) fetched() string {
	if !v.fetch.asked || v.session.Loading() {
		return ""
	}
	quiet := v.fetch.quiet
	v.fetch.asked = false
	n := v.session.Log().Len()
	if from := v.fetch.from; from > 0 {
		n = int(from - v.oldest())
	}
	switch {
	case quiet:
	case n > 0:
		return Plural(n, "older entry was", "older entries were") + " loaded above."
	case v.session.Complete():
		return nothingOlder
	}
	return ""
}

// Plural is "1 message" or "7 messages".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
