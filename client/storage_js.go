//go:build js

package client

import (
	"errors"
	"strings"
	"syscall/js"

	"tuitalk/talk"
)

// Keys of the browser's storages. localStorage belongs to all tabs,
// sessionStorage to one, and is copied when a tab is duplicated.
const (
	identityKey = "tuitalk2.identity" // local: who the user is
	sessionKey  = "tuitalk2.session"  // session: this tab's state, without its outbox
	outboxKey   = "tuitalk2.outbox."  // local, with the session's id: the outbox, unless it is empty
	lockPrefix  = "tuitalk.session."  // Web Lock, with the session's id: the tab lives
	prefPrefix  = "tuitalk.web."      // local or session: small things of convenience
)

// Keys of older pages, which read nothing but JSON. While gateways of two versions
// serve, a tab may get such a page again: what it kept is read where there is nothing
// newer, and never overwritten, so that the page still knows who the user is.
const (
	oldIdentityKey = "tuitalk.identity"
	oldSessionKey  = "tuitalk.session"
	oldOutboxKey   = "tuitalk.outbox."
)

// BrowserStorage keeps a state in the browser, and Prefs as a view wants them.
type BrowserStorage struct {
	local, tab js.Value
	state      State       // as loaded
	shared     talk.Secret // the identity that this tab began with or has left for all
	session    talk.UUID   // whose lock this tab has
	damage     damage      // found on the way
	orphans    []string    // keys that were adopted, until they are saved here
}

var _ Storage = (*BrowserStorage)(nil)

var errNoStorage = errors.New("this browser keeps nothing for this page")

// OpenBrowserStorage opens the state of this tab. It waits for the browser, so
// it must not be called from a callback.
func OpenBrowserStorage() (*BrowserStorage, error) {
	s := &BrowserStorage{}
	if err := try(func() {
		s.local = js.Global().Get("localStorage")
		s.tab = js.Global().Get("sessionStorage")
		s.open()
	}); err != nil {
		return nil, errNoStorage
	}
	return s, nil
}

// try runs f; what the browser throws becomes an error.
func try(f func()) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			if e, ok := thrown.(js.Error); ok {
				err = e
				return
			}
			err = errNoStorage
		}
	}()
	f()
	return nil
}

// open finds out which session this tab is. A duplicated tab finds the copied
// session's lock taken, and is a new one.
func (s *BrowserStorage) open() {
	window, outboxes := s.read(s.tab, sessionKey), outboxKey
	if window.Session.IsZero() {
		window, outboxes = s.read(s.tab, oldSessionKey), oldOutboxKey
	}
	if window.Session.IsZero() || !hold(window.Session) {
		window.Session = talk.MakeUUID(4, randomBytes())
		hold(window.Session)
	}
	s.session = window.Session
	own := outboxes + window.Session.String()
	window.Outbox = s.read(s.local, own).Outbox
	if outboxes == oldOutboxKey {
		s.orphans = append(s.orphans, own)
	}
	shared := s.read(s.local, identityKey)
	if shared.Secret.IsZero() {
		shared = s.read(s.local, oldIdentityKey)
	}
	s.state = settleIdentity(window, shared)
	if s.state.Secret.IsZero() {
		s.state.Secret = NewSecret()
		_ = try(func() { s.local.Call("setItem", identityKey, string(encodeState(identityOf(s.state)))) }) // else Save says so
	}
	s.shared = s.state.Secret
	s.adoptAll(own)
}

// adoptAll takes over what other tabs have left, and older pages in this one; own is
// the outbox that is read already.
func (s *BrowserStorage) adoptAll(own string) {
	var keys []string
	for i := range s.local.Get("length").Int() {
		keys = append(keys, s.local.Call("key", i).String())
	}
	for _, key := range keys {
		id, ok := strings.CutPrefix(key, outboxKey)
		if !ok {
			id, ok = strings.CutPrefix(key, oldOutboxKey)
		}
		if session, err := talk.ParseUUID(id); ok && err == nil && key != own {
			s.adopt(key, session)
		}
	}
}

// adopt takes over the outbox of a tab that is gone. Its lock stays with this
// tab, so that no third one takes it over too.
func (s *BrowserStorage) adopt(key string, session talk.UUID) {
	left := s.read(s.local, key)
	if adoptable(s.state, left) && (session == s.session || hold(session)) {
		s.state.adopt(left)
		s.orphans = append(s.orphans, key)
	}
}

// read decodes an item; a missing one is an empty state. What is damaged is put
// aside under another key.
func (s *BrowserStorage) read(from js.Value, key string) State {
	item := from.Call("getItem", key)
	if item.Type() != js.TypeString {
		return State{}
	}
	st, err := decodeState([]byte(item.String()))
	if err != nil {
		aside := "damaged." + key
		from.Call("setItem", aside, item)
		from.Call("removeItem", key)
		s.damage = append(s.damage, key+" cannot be read and is now "+aside)
	}
	return st
}

// Load returns what was found when the storage was opened.
func (s *BrowserStorage) Load() (State, error) { return s.state, s.damage.err() }

// Save writes the state. The outbox goes first: nothing else may be lost.
func (s *BrowserStorage) Save(st State) error {
	return try(func() {
		key := outboxKey + st.Session.String()
		if len(st.Outbox) > 0 {
			s.local.Call("setItem", key, string(encodeState(st)))
		} else {
			s.local.Call("removeItem", key)
		}
		if st.Session != s.session { // the session has a new name
			hold(st.Session)
			s.orphans = append(s.orphans, outboxKey+s.session.String())
			s.session = st.Session
		}
		for _, orphan := range s.orphans {
			s.local.Call("removeItem", orphan)
		}
		s.orphans = nil
		tab := st
		tab.Outbox = nil
		s.tab.Call("setItem", sessionKey, string(encodeState(tab)))
		if shared := s.read(s.local, identityKey).Secret; shared.IsZero() || shared == st.Secret || shared == s.shared {
			s.shared = st.Secret
			s.local.Call("setItem", identityKey, string(encodeState(identityOf(st))))
		}
	})
}

// Pref is a small thing of convenience, of this tab or shared by all of the
// user's; "" when there is none.
func (s *BrowserStorage) Pref(shared bool, key string) (value string) {
	_ = try(func() { // without it there is none
		if item := s.shelf(shared).Call("getItem", prefPrefix+key); item.Type() == js.TypeString {
			value = item.String()
		}
	})
	return value
}

// SetPref keeps it, or forgets it when value is "".
func (s *BrowserStorage) SetPref(shared bool, key, value string) error {
	return try(func() {
		if value == "" {
			s.shelf(shared).Call("removeItem", prefPrefix+key)
		} else {
			s.shelf(shared).Call("setItem", prefPrefix+key, value)
		}
	})
}

func (s *BrowserStorage) shelf(shared bool) js.Value {
	if shared {
		return s.local
	}
	return s.tab
}

// Close does nothing: the locks end with the tab.
func (s *BrowserStorage) Close() error { return nil }

// hold takes the Web Lock of a session for as long as the tab lives. A page
// that is not served securely has no locks; then every session may be taken,
// and two tabs that say the same say it once, for the ids are the same.
func hold(session talk.UUID) bool {
	locks := js.Global().Get("navigator").Get("locks")
	if locks.Type() != js.TypeObject {
		return true
	}
	taken := make(chan bool, 1)
	never := js.FuncOf(func(js.Value, []js.Value) any { return nil })
	granted := js.FuncOf(func(_ js.Value, args []js.Value) any {
		taken <- !args[0].IsNull()
		if args[0].IsNull() {
			return nil
		}
		return js.Global().Get("Promise").New(never)
	})
	failed := js.FuncOf(func(js.Value, []js.Value) any {
		select {
		case taken <- true:
		default:
		}
		return nil
	})
	options := js.Global().Get("Object").New()
	options.Set("ifAvailable", true)
	locks.Call("request", lockPrefix+session.String(), options, granted).Call("catch", failed)
	return <-taken
}
