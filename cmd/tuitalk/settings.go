package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/cmd/setting"
	"tuitalk/talk"
	"tuitalk/talk/names"
)

const about = `
tuitalk - chat in numbered rooms, in a terminal

Usage:
  tuitalk [-server URL[,URL...]] [-name NAME] [-room INTEGER]

Examples:
  tuitalk                                        the gateway on this machine, the room you were in last
  tuitalk -name ada -room 7                      as ada, in room 7
  tuitalk -server wss://chat.example.org/ws      somewhere else
  tuitalk -server ws://a.example,ws://b.example  several of one fleet, which share your identity: when
                                                 one is gone, the next is used

There is nothing to register. Your identity, and messages that could not be sent
yet, are kept under -state, apart for each server or list of servers; what waits
there goes out at the next start with the same -server. /identity new makes a new one.

In the program: type and press Enter. Alt+Enter begins a new line, Tab completes,
PgUp scrolls back, F1 or /help shows every command and key, Ctrl+C quits.`

const (
	defaultServer = "ws://127.0.0.1:8080/ws"
	socketPath    = "/ws"
)

// options are the settings of one start.
type options struct {
	flags   *setting.Flags
	server  string
	servers []string
	name    string
	room    room
	state   string
	theme   string
	form    form
	version bool
}

// form is a flag with the form in which the program talks to the gateway.
type form struct{ talk.Form }

// The names of the forms.
const (
	formBincode = "bincode"
	formJSON    = "json"
)

func (f *form) String() string {
	if f == nil || f.IsBinary() {
		return formBincode
	}
	return formJSON
}

func (f *form) Set(s string) error {
	switch s {
	case formBincode:
		f.Form = talk.ExtendedBincode
	case formJSON:
		f.Form = talk.Extended
	default:
		return fmt.Errorf("%q is none of %s, %s", s, formBincode, formJSON)
	}
	return nil
}

var _ flag.Value = (*form)(nil)

// room is a flag with the number of a room.
type room struct {
	number int32
	given  bool
}

func (r *room) String() string {
	if r == nil || !r.given {
		return ""
	}
	return strconv.Itoa(int(r.number))
}

func (r *room) Set(s string) (err error) {
	r.number, err = view.ParseRoom(s)
	r.given = err == nil
	return err
}

var _ flag.Value = (*room)(nil)

// parse reads the settings. An error is one sentence for the user.
func parse(args []string) (*options, error) {
	o := &options{flags: setting.New("tuitalk", setting.Prefix), form: form{talk.ExtendedBincode}}
	o.flags.StringVar(&o.server, "server", defaultServer, "`URLs` of the gateways, ws:// or wss://, separated by commas; the first is tried first", o.parseServers)
	o.flags.StringVar(&o.name, "name", "", "your `name`, 1 to 32 characters; when it is not given: the one you had last, else that of your account here, unless it is a shared one such as root", o.parseName)
	o.flags.Var(&o.room, "room", "the `integer` of the room to enter; when it is not given: the one you were in last, else 1")
	o.flags.StringVar(&o.state, "state", "", "`directory` for identities and unsent messages, with a folder for each server; when it is not given: $XDG_STATE_HOME/tuitalk, else ~/.local/state/tuitalk")
	o.flags.WordVar(&o.theme, "theme", "auto", "colours: `dark`, light, plain (the terminal's own 16), or auto; NO_COLOR turns them all off", "auto", "dark", "light", "plain")
	o.flags.Section = 1
	o.flags.Words("form", formBincode, formJSON)
	o.flags.Var(&o.form, "form", "how messages are written on the wire: `bincode`, or json for whoever wants to read it")
	o.flags.BoolVar(&o.version, "version", false, "show the version and end")
	if err := o.flags.Parse(args); err != nil || o.version {
		return o, err
	}
	if err := o.complete(); err != nil {
		return o, setting.Error{Err: err}
	}
	return o, nil
}

func (o *options) parseServers(list string) error {
	o.servers = nil
	for _, s := range strings.Split(list, ",") {
		u, err := serverURL(strings.TrimSpace(s))
		if err != nil {
			return err
		}
		o.servers = append(o.servers, u)
	}
	return nil
}

func (o *options) parseName(name string) (err error) {
	if name != "" {
		o.name, err = talk.CheckName(name)
	}
	return err
}

// complete fills in what was not set.
func (o *options) complete() (err error) {
	if o.servers == nil {
		o.servers = []string{defaultServer}
	}
	if o.state == "" {
		if o.state, err = client.StateDir(); err != nil {
			return fmt.Errorf("-state: %w", err)
		}
	}
	return nil
}

// serverURL checks an address, and completes one without a path.
func serverURL(s string) (string, error) {
	const example = ", as in " + defaultServer
	shown := s
	if at := strings.LastIndexByte(s, '@'); at >= 0 { // a password may come before it
		shown = "…" + s[at:]
	}
	u, err := url.Parse(s)
	switch {
	case s == "":
		return "", fmt.Errorf("there is an empty address%s", example)
	case err != nil:
		return "", fmt.Errorf("%q is not an address%s", shown, example)
	case u.Scheme != "ws" && u.Scheme != "wss":
		return "", fmt.Errorf("%q does not begin with ws:// or wss://%s", shown, example)
	case u.Hostname() == "":
		return "", fmt.Errorf("%q names no host%s", shown, example)
	case u.User != nil || u.Fragment != "":
		return "", fmt.Errorf("%q has a user or a fragment, which an address of a gateway has not", shown)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = socketPath
	}
	return u.String(), nil
}

// config is what the session is told: what was not given comes from the last
// time, and the name at the first from the user's account.
func (o *options) config(state client.State) client.Config {
	c := client.Config{
		Servers: o.servers, Name: o.name, Room: o.room.number,
		Client: "tuitalk " + setting.Version(), Seed: rand.Uint64(),
	}
	first := state.Session.IsZero() // of this window
	if !o.room.given {
		if c.Room = state.Room; first {
			c.Room = 1
		}
	}
	if c.Name == "" && state.Name == "" {
		c.Name = accountName(os.Getenv("USER"))
	}
	return c
}

// sharedAccounts are names of accounts that say nothing of who sits there, besides
// those that no server takes.
var sharedAccounts = []string{
	"daemon", "debian", "ec2-user", "guest", "nobody", "pi", "runner", "ubuntu", "user", "vagrant", "www-data",
}

// accountName is the name of an account as that of a person, "" if it is none: then
// the session makes one up.
func accountName(account string) string {
	name, err := names.NewRules().Check(account)
	if err != nil || slices.Contains(sharedAccounts, name) {
		return ""
	}
	return name
}
