package app

import (
	"strconv"
	"strings"
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/talk"
)

// noticeStays is how long a notice is shown; those about a wrong line stay
// until the line changes, and the help until it is shut.
const noticeStays = 12 * time.Second

// maxNotices is how many are shown at once: those that stay, and the newest.
const maxNotices = 4

// notice is a sentence for the user that is not part of the log.
type notice struct {
	id    int
	text  string
	wrong bool // something was not taken
	line  bool // it is about the line in the input
	help  bool // the table of commands instead of a text
	until time.Time

	act, actText string // a button
	stays        bool   // it cannot be shut: its button is the only way out
}

type notices struct {
	lastID int
	list   []notice
}

// notify shows what the session has to say.
func (a *App) notify(now time.Time, text string, wrong bool) {
	a.notices.add(notice{text: talk.CleanText(text), wrong: wrong, until: now.Add(noticeStays)})
	a.stale |= partNotices
}

// Warn shows a sentence about what does not work as it should.
func (a *App) Warn(now time.Time, text string) { a.notify(now, text, true) }

// wrong explains what is wrong with the line in the input.
func (a *App) wrong(text string) {
	a.notices.add(notice{text: talk.CleanText(text), wrong: true, line: true})
	a.stale |= partNotices
}

func (a *App) showHelp() {
	a.notices.drop(func(n *notice) bool { return n.help })
	a.notices.add(notice{help: true})
	a.stale |= partNotices
}

func (ns *notices) add(n notice) {
	ns.drop(func(old *notice) bool { return old.text == n.text && old.help == n.help })
	ns.lastID++
	n.id = ns.lastID
	ns.list = append(ns.list, n)
	extra := len(ns.list) - maxNotices
	ns.drop(func(old *notice) bool {
		gone := extra > 0 && !old.stays
		if gone {
			extra--
		}
		return gone
	})
}

// drop removes notices and reports whether there were any.
func (ns *notices) drop(which func(n *notice) bool) bool {
	kept := ns.list[:0]
	for i := range ns.list {
		if !which(&ns.list[i]) {
			kept = append(kept, ns.list[i])
		}
	}
	dropped := len(kept) < len(ns.list)
	ns.list = kept
	return dropped
}

// actAnew is the button that begins as somebody else.
const actAnew = "anew"

// sayNotice shows what the session says.
func (a *App) sayNotice(now time.Time, n client.Notice) {
	if !n.Anew {
		a.notify(now, n.Text, n.Code != "")
		return
	}
	a.notices.add(notice{
		text:  talk.CleanText(n.Text) + " If that is not you, begin as somebody new; what is unsent is kept.",
		wrong: true, act: actAnew, actText: "Begin anew",
	})
	a.stale |= partNotices
}

// beginAnew does what was offered.
func (a *App) beginAnew(now time.Time) {
	a.notices.drop(func(n *notice) bool { return n.act == actAnew })
	a.stale |= partNotices
	a.Drive(now, client.Anew{})
}

// offerAnew shows the way out while the server refuses the user.
func (a *App) offerAnew() {
	s := a.session.Status()
	offered := a.notices.drop(func(n *notice) bool { return n.act == actAnew && n.stays })
	if refused := s.Phase == client.Refused; refused {
		a.notices.add(notice{
			text:  "The server refuses you: " + strings.TrimRight(talk.CleanText(s.Reason), ".") + ". You can begin as somebody new; what is unsent is kept.",
			wrong: true, act: actAnew, actText: "Begin anew", stays: true,
		})
	} else if !offered {
		return
	}
	a.stale |= partNotices
}

func (ns *notices) dropWrong() bool { return ns.drop(func(n *notice) bool { return n.line }) }
func (ns *notices) dropAll() bool   { return ns.drop(func(n *notice) bool { return !n.stays }) }

func (ns *notices) expire(now time.Time) bool {
	return ns.drop(func(n *notice) bool { return !n.until.IsZero() && !now.Before(n.until) })
}

func (ns *notices) next() (first time.Time) {
	for i := range ns.list {
		first = earliest(first, ns.list[i].until)
	}
	return first
}

func (a *App) shutNotice(arg string) {
	a.notices.drop(func(n *notice) bool { return strconv.Itoa(n.id) == arg })
	a.stale |= partNotices
}

func (a *App) frameNotices(p *Patch) {
	p.pick(refNotices)
	p.empty()
	for i := range a.notices.list {
		makeNotice(p, &a.notices.list[i], a.config.Version)
	}
	p.end()
}

func makeNotice(p *Patch, n *notice, version string) {
	class := "notice"
	if n.wrong {
		class += " wrong"
	}
	p.begin("div", class)
	p.begin("div", "notice-text")
	if n.help {
		makeHelp(p, version)
	}
	p.words(n.text)
	p.end()
	if n.act != "" {
		p.button("quick", n.act, "", n.actText)
	}
	if !n.stays {
		p.begin("button", "shut")
		p.attr("type", "button")
		p.attr("data-act", "shut")
		p.attr("data-arg", strconv.Itoa(n.id))
		p.attr("aria-label", "Close")
		p.words("×")
		p.end()
	}
	p.end()
}

// keys are what the help says of the keyboard.
var keys = [][2]string{
	{"Enter", "send"},
	{"Shift Enter", "a new line"},
	{"Tab", "complete a command, a room or a name"},
	{"↑ ↓", "lines that you sent before"},
	{"Page ↑ ↓", "scroll the log"},
	{"Esc", "close what is open"},
}

func makeHelp(p *Patch, version string) {
	p.begin("div", "help")
	p.leaf("p", "help-title", "Commands")
	for _, c := range view.Commands() {
		p.leaf("span", "help-key", c.Name+" "+c.Args)
		p.leaf("span", "", c.Help)
	}
	p.leaf("p", "help-title", "Keys")
	for _, k := range keys {
		p.leaf("span", "help-key", k[0])
		p.leaf("span", "", k[1])
	}
	p.leaf("p", "help-title", "Marks")
	p.leaf("span", "help-key", "name?")
	p.leaf("span", "", unproven)
	p.leaf("p", "help-title", "Everything else is said in the room. Two slashes at the start say a text that begins with one.")
	p.leaf("p", "help-version", "TuiTalk "+version)
	p.end()
}
