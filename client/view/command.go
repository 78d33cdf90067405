package view

import (
	"errors"
	"strconv"
	"strings"

	"tuitalk/client"
	"tuitalk/talk"
)

// Action is what a line of input asks for.
type Action uint8

const (
	Nothing       Action = iota // the line is empty
	Act                         // hand Input.Events to the driver
	ShowHelp                    // show Commands and the keys
	ToggleMembers               // show or hide the member list
	FindText                    // View.Find with Input.Text
	GoUnread                    // jump to View.UnreadRow
	Tell                        // show Input.Text
	Leave                       // hand Input.Events, a Quit, to the driver

	retryUnsent   // Retry the entry Input.Number of the outbox
	discardUnsent // Discard the entry Input.Number of the outbox
)

// Input is one line of input, understood.
type Input struct {
	Action Action
	Events []client.Event // Act, Leave
	Text   string         // FindText, Tell
	Number int            // of an unsent message, from 1 at the top of the outbox; 0: those that failed
}

// Command is one row of the table of commands.
type Command struct {
	Name string // with its slash
	Args string // as the help shows it; "" when it stands alone
	Help string

	parse func(c *Command, arg string) (Input, error)
}

// commands is in the order in which the help shows it. The first five are the
// original's.
var commands = [...]Command{
	{"/help", "", "show the commands and keys", nothing(Input{Action: ShowHelp})},
	{"/name", "<name>", "set your name", parseName},
	{"/room", "<integer>", "change the room", parseRoom},
	{"/fetch", "<integer>", "load that many entries before the first one shown", parseFetch},
	{"/clear", "", "clear the shown log", nothing(Input{Action: Act, Events: []client.Event{client.Clear{}}})},
	{"/members", "", "show or hide who is here", nothing(Input{Action: ToggleMembers})},
	{"/search", "<text>", "find a text in the log; without a text, the next older place", parseSearch},
	{"/unread", "", "jump to the first unread message", nothing(Input{Action: GoUnread})},
	{"/retry", "[n]", "send the nth unsent message again; without n, all that failed", parseUnsent(retryUnsent)},
	{"/discard", "[n]", "throw the nth unsent message away; without n, the one that failed", parseUnsent(discardUnsent)},
	{"/identity", "new", "become somebody new here, for good; your name and what is unsent are kept", parseNewIdentity},
	{"/quit", "", "leave the room and close; what is unsent goes out at the next start", nothing(Input{Action: Leave, Events: []client.Event{client.Quit{}}})},
}

// Commands is the table of commands, for the help and for completion.
func Commands() []Command { return commands[:] }

// wrongInput is a sentence for the user about what he entered.
type wrongInput string

func (w wrongInput) Error() string { return string(w) }

// parseInput understands what the user entered. Everything that does not begin
// with a slash is said in the room; "//x" says "/x". An error is a sentence
// for the user, who then still wants to have the line.
func parseInput(line string) (Input, error) {
	if !strings.HasPrefix(line, "/") || strings.HasPrefix(line, "//") {
		return parsePost(line)
	}
	word, arg := line, ""
	if i := strings.IndexAny(line, " \t\n"); i >= 0 {
		word, arg = line[:i], strings.TrimSpace(line[i:])
	}
	for i := range commands {
		c := &commands[i]
		if !strings.EqualFold(word, c.Name) {
			continue
		}
		return c.parse(c, arg)
	}
	return Input{}, unknownCommand(word)
}

func parsePost(line string) (Input, error) {
	text := strings.Trim(line, "\n")
	text = strings.TrimRight(text, " \t\n")
	if text == "" {
		return Input{}, nil
	}
	if strings.HasPrefix(text, "//") {
		text = text[1:]
	}
	clean, err := talk.CheckText(text)
	if err != nil {
		return Input{}, err
	}
	return Input{Action: Act, Events: []client.Event{client.Post{Text: clean}}}, nil
}

func unknownCommand(word string) error {
	shown, lower := talk.CleanName(word), strings.ToLower(word)
	if len(shown) > talk.MaxNameBytes {
		return wrongInput("There is no such command. /help shows them all; // at the start says a text that begins with /.")
	}
	for _, c := range commands {
		if len(word) > 2 && (strings.HasPrefix(lower, c.Name) || strings.HasPrefix(c.Name, lower)) {
			return wrongInput("There is no command " + shown + ". Did you mean " + c.Name + "?")
		}
	}
	return wrongInput("There is no command " + shown + ". /help shows them all; /" + shown + " says it.")
}

func nothing(in Input) func(*Command, string) (Input, error) {
	return func(c *Command, arg string) (Input, error) {
		if arg != "" {
			return Input{}, wrongInput(c.Name + " stands alone, without anything behind it.")
		}
		return in, nil
	}
}

func parseName(_ *Command, arg string) (Input, error) {
	if arg == "" {
		return Input{}, wrongInput("/name needs a name, as in /name Ada.")
	}
	name, err := talk.CheckName(arg)
	if err != nil {
		return Input{}, err
	}
	return Input{Action: Act, Events: []client.Event{client.SetName{Name: name}}}, nil
}

func parseRoom(_ *Command, arg string) (Input, error) {
	room, err := ParseRoom(arg)
	if err != nil {
		return Input{}, err
	}
	return Input{Action: Act, Events: []client.Event{client.Join{Room: room}}}, nil
}

// ParseRoom reads the number of a room. The error is a sentence for the user.
func ParseRoom(s string) (int32, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err == nil {
		return int32(n), nil
	}
	if errors.Is(err, strconv.ErrRange) {
		return 0, wrongInput("Rooms have numbers from -2147483648 to 2147483647.")
	}
	return 0, wrongInput("A room is an integer, as in /room 1.")
}

func parseFetch(_ *Command, arg string) (Input, error) {
	n, err := strconv.Atoi(arg)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return Input{}, wrongInput("/fetch needs a number of entries, as in /fetch 50.")
	}
	if err != nil || n < 1 || n > talk.MaxFetch {
		return Input{}, wrongInput("/fetch loads from 1 to " + strconv.Itoa(talk.MaxFetch) + " entries at a time.")
	}
	return Input{Action: Act, Events: []client.Event{client.FetchOlder{Limit: n}}}, nil
}

// parseNewIdentity wants a word more: it cannot be undone.
func parseNewIdentity(c *Command, arg string) (Input, error) {
	if !strings.EqualFold(arg, c.Args) {
		return Input{}, wrongInput("This makes you somebody else, and nothing brings back who you are now. To do it, enter /identity new.")
	}
	return Input{Action: Act, Events: []client.Event{client.Anew{}}}, nil
}

func parseSearch(_ *Command, arg string) (Input, error) {
	return Input{Action: FindText, Text: talk.CleanText(arg)}, nil
}

func parseUnsent(action Action) func(*Command, string) (Input, error) {
	return func(c *Command, arg string) (Input, error) {
		if arg == "" {
			return Input{Action: action}, nil
		}
		n, err := strconv.Atoi(arg)
		if err != nil || n < 1 {
			return Input{}, wrongInput(c.Name + " needs the number of an unsent message, counted from the top, or nothing.")
		}
		return Input{Action: action, Number: n}, nil
	}
}

// unsentEvents turns a retryUnsent or a discardUnsent into events, given the
// outbox of the room. Nothing is thrown away unless it is clear which.
func unsentEvents(in Input, outbox []client.Outgoing) ([]client.Event, error) {
	if in.Number > len(outbox) {
		return nil, wrongInput("The number of unsent messages here is " + strconv.Itoa(len(outbox)) + ".")
	}
	var ids []talk.UUID
	for i, o := range outbox {
		if in.Number == i+1 || in.Number == 0 && o.Delivery == client.Failed {
			ids = append(ids, o.ID)
		}
	}
	if len(ids) == 0 {
		return nil, wrongInput("No message has failed here.")
	}
	if in.Action == discardUnsent && len(ids) > 1 {
		return nil, wrongInput(strconv.Itoa(len(ids)) + " messages have failed. Say which to discard, as in /discard 1.")
	}
	var events []client.Event
	for _, id := range ids {
		if in.Action == discardUnsent {
			events = append(events, client.Discard{ID: id})
		} else {
			events = append(events, client.Retry{ID: id})
		}
	}
	return events, nil
}
