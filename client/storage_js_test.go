//go:build js

package client

import (
	"errors"
	"reflect"
	"strings"
	"syscall/js"
	"testing"
	"time"
)

// A browser: one localStorage, a sessionStorage for each tab, and Web Locks.
const fakeBrowser = `
globalThis.makeStore = () => {
	const m = new Map();
	return {
		get length() { return m.size; },
		key: (i) => [...m.keys()][i],
		getItem: (k) => m.has(k) ? m.get(k) : null,
		setItem: (k, v) => { if (globalThis.diskFull) throw new Error("QuotaExceededError"); m.set(k, String(v)); },
		removeItem: (k) => { m.delete(k); },
	};
};
globalThis.diskFull = false;
globalThis.locksHeld = new Set();
globalThis.localStorage = makeStore();
globalThis.sessionStorage = makeStore();
Object.defineProperty(globalThis, "navigator", {configurable: true, writable: true, value: {locks: {
	request: async (name, options, granted) => {
		await null;
		if (locksHeld.has(name)) return granted(null);
		locksHeld.add(name);
		return granted({name});
	},
}}});
`

// TestStateInJSON is what older versions kept in the browser.
func TestStateInJSON(t *testing.T) {
	const kept = `{"Hello":{"client":"tuitalk-state-2","secret":"0000000000000000000000000000000000000000000000000000000000000001","session":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717"}}
{"JoinRoom":{"room_id":-3,"uuid":"0198c0de-0b5e-8c1a-b0f1-2e0d6a7c9f35","username":"Ada \"<L>\"","unixtime":0}}
{"PostMessage":{"message":{"uuid":"0198c0de-0b5e-8c1a-b0f1-2e0d6a7c9f35","username":"ada","text":"one\n😀","room_id":3,"unixtime":1700000000,"id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717"}}}
`
	st, err := decodeState([]byte(kept))
	if err != nil || st.Secret != mySecret || st.Room != -3 || st.Name != `Ada "<L>"` || len(st.Outbox) != 1 {
		t.Fatalf("%+v, %v", st, err)
	}
	if e := st.Outbox[0]; e.Text != "one\n😀" || e.RoomID != 3 || e.At.Unix() != 1_700_000_000 || e.ID != st.Session || e.Author.IsZero() {
		t.Errorf("%+v", e)
	}
	again, err := decodeState(encodeState(st))
	if err != nil || !reflect.DeepEqual(again, st) {
		t.Errorf("%+v, %v", again, err)
	}
	for _, damaged := range []string{`{"Hello"`, `{"Hello":{"client":"tuitalk-state-2","secret":"00"}}`, `{}`, `0b0`, `zz`, `{"JoinRoom":7}`} {
		if _, err := decodeState([]byte(damaged + "\n")); err == nil {
			t.Errorf("%s is taken", damaged)
		}
	}
}

func browser(t *testing.T) {
	t.Helper()
	js.Global().Call("eval", fakeBrowser)
}

// newTab is another tab; copied, when it is a duplicate of the present one.
func newTab(copied bool) {
	if copied {
		js.Global().Call("eval", `{ const s = makeStore();
			for (let i = 0; i < sessionStorage.length; i++) { const k = sessionStorage.key(i); s.setItem(k, sessionStorage.getItem(k)); }
			globalThis.sessionStorage = s; }`)
		return
	}
	js.Global().Call("eval", `globalThis.sessionStorage = makeStore()`)
}

func openTab(t *testing.T) (*BrowserStorage, State) {
	t.Helper()
	s, err := OpenBrowserStorage()
	if err != nil {
		t.Fatal(err)
	}
	st, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	return s, st
}

func browserState(st State) State {
	want := known()
	want.Session = st.Session
	want.Outbox = []OutboxEntry{{ID: postID(1), RoomID: 1, Text: "unsent", At: time.Unix(5, 0)}}
	return want
}

func TestBrowserStorageOverAReload(t *testing.T) {
	browser(t)
	s, st := openTab(t)
	if st.Session.IsZero() || st.Secret.IsZero() {
		t.Fatalf("%+v", st)
	}
	want := browserState(st)
	if err := s.Save(want); err != nil {
		t.Fatal(err)
	}
	js.Global().Call("eval", `locksHeld.clear()`) // the page is gone
	if _, got := openTab(t); !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v", got)
	}
}

func TestDuplicatedTab(t *testing.T) {
	browser(t)
	s, st := openTab(t)
	if err := s.Save(browserState(st)); err != nil {
		t.Fatal(err)
	}
	newTab(true)
	_, copied := openTab(t)
	if copied.Session == st.Session || len(copied.Outbox) > 0 || copied.Secret != mySecret {
		t.Fatalf("%+v", copied)
	}
}

func TestClosedTabsOutboxIsAdopted(t *testing.T) {
	browser(t)
	s, st := openTab(t)
	if err := s.Save(browserState(st)); err != nil {
		t.Fatal(err)
	}
	newTab(false)
	if _, other := openTab(t); len(other.Outbox) > 0 {
		t.Fatalf("takes what belongs to a tab that lives: %+v", other)
	}
	js.Global().Call("eval", `locksHeld.clear()`) // both are closed
	newTab(false)
	s, later := openTab(t)
	if len(later.Outbox) != 1 || later.Outbox[0].Text != "unsent" || later.Secret != mySecret {
		t.Fatalf("%+v", later)
	}
	if err := s.Save(later); err != nil {
		t.Fatal(err)
	}
	if !js.Global().Get("localStorage").Call("getItem", outboxKey+st.Session.String()).IsNull() {
		t.Error("what was adopted is still there")
	}
}

func TestSessionWithANewName(t *testing.T) {
	browser(t)
	s, st := openTab(t)
	want := browserState(st)
	if err := s.Save(want); err != nil {
		t.Fatal(err)
	}
	want.Session = testUUID("new")
	if err := s.Save(want); err != nil {
		t.Fatal(err)
	}
	local := js.Global().Get("localStorage")
	if !local.Call("getItem", outboxKey+st.Session.String()).IsNull() || local.Call("getItem", outboxKey+want.Session.String()).IsNull() {
		t.Error("the outbox did not move")
	}
	js.Global().Call("eval", `locksHeld.clear()`)
	if _, got := openTab(t); !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v", got)
	}
}

// TestOldBrowserState: the storage belongs to one origin, so that what is unsent
// may go there; who it was cannot come back.
func TestOldBrowserState(t *testing.T) {
	browser(t)
	const session = "5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717"
	local, tab := js.Global().Get("localStorage"), js.Global().Get("sessionStorage")
	local.Call("setItem", oldIdentityKey, oldState)
	local.Call("setItem", oldOutboxKey+session, oldState)
	tab.Call("setItem", oldSessionKey, oldState)
	s, st := openTab(t)
	if st.Secret.IsZero() || st.Session.String() != session || st.Name != "ada" || len(st.Outbox) != 1 || st.Outbox[0].Author == st.uuid() {
		t.Fatalf("%+v", st)
	}
	if err := s.Save(st); err != nil {
		t.Fatal(err)
	}
	newTab(false)
	if _, other := openTab(t); other.Secret != st.Secret {
		t.Error("two tabs are two users")
	}
}

// TestOlderPageFindsItsState: while gateways of two versions serve, a reload may bring
// a page that reads nothing but JSON under the old keys, and the next one this again.
func TestOlderPageFindsItsState(t *testing.T) {
	browser(t)
	const (
		session = "5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717"
		hello   = `{"Hello":{"client":"tuitalk-state-2","secret":"0000000000000000000000000000000000000000000000000000000000000001","session":"` + session + `"}}` + "\n"
		kept    = hello + `{"JoinRoom":{"room_id":3,"uuid":"0198c0de-0b5e-8c1a-b0f1-2e0d6a7c9f35","username":"ada","unixtime":0}}` + "\n"
		unsent  = kept + `{"PostMessage":{"message":{"uuid":"0198c0de-0b5e-8c1a-b0f1-2e0d6a7c9f35","username":"ada","text":"old","room_id":3,"unixtime":1,"id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b700"}}}` + "\n"
	)
	local, tab := js.Global().Get("localStorage"), js.Global().Get("sessionStorage")
	local.Call("setItem", oldIdentityKey, kept)
	local.Call("setItem", oldOutboxKey+session, unsent)
	tab.Call("setItem", oldSessionKey, kept)

	s, st := openTab(t)
	if st.Secret != mySecret || st.Session.String() != session || st.Room != 3 || len(st.Outbox) != 1 {
		t.Fatalf("%+v", st)
	}
	if err := s.Save(st); err != nil {
		t.Fatal(err)
	}
	if got := local.Call("getItem", oldIdentityKey); got.String() != kept {
		t.Errorf("the older page finds another identity: %s", got)
	}
	if got := tab.Call("getItem", oldSessionKey); got.String() != kept {
		t.Errorf("the older page finds another session: %s", got)
	}
	if got := local.Call("getItem", oldOutboxKey+session); !got.IsNull() {
		t.Errorf("two have what is unsent: %s", got)
	}

	local.Call("setItem", oldOutboxKey+session, strings.ReplaceAll(unsent, "b700", "b701")) // the older page was here
	js.Global().Call("eval", `locksHeld.clear()`)
	s, again := openTab(t)
	if again.Secret != mySecret || again.Session != st.Session || len(again.Outbox) != 2 || again.Outbox[0].ID != st.Outbox[0].ID {
		t.Fatalf("%+v", again)
	}
	again.Outbox = nil // all is sent
	if err := s.Save(again); err != nil {
		t.Fatal(err)
	}
	js.Global().Call("eval", `locksHeld.clear()`)
	if _, last := openTab(t); last.Secret != mySecret || len(last.Outbox) != 0 {
		t.Errorf("what is sent is back: %+v", last)
	}
}

// TestFullBrowserWithoutAnIdentity: what is unsent is found, though who the user is
// now cannot be kept.
func TestFullBrowserWithoutAnIdentity(t *testing.T) {
	browser(t)
	const session = "5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717"
	js.Global().Get("localStorage").Call("setItem", oldOutboxKey+session, oldState)
	js.Global().Get("sessionStorage").Call("setItem", oldSessionKey, oldState)
	js.Global().Set("diskFull", true)
	s, st := openTab(t)
	if st.Secret.IsZero() || len(st.Outbox) != 1 {
		t.Fatalf("%+v", st)
	}
	if err := s.Save(st); err == nil {
		t.Error("it says that it kept what it could not")
	}
}

func TestAnewIsForAllLaterTabs(t *testing.T) {
	browser(t)
	s, st := openTab(t)
	first := st.Secret
	st.Secret = otherSecret
	if err := s.Save(st); err != nil {
		t.Fatal(err)
	}
	newTab(false)
	if _, later := openTab(t); later.Secret != otherSecret || first == otherSecret {
		t.Errorf("%+v", later)
	}
}

func TestBrowserStorageTroubles(t *testing.T) {
	browser(t)
	s, st := openTab(t)
	js.Global().Set("diskFull", true)
	if err := s.Save(browserState(st)); err == nil {
		t.Error("saved, though the disk is full")
	}
	js.Global().Set("diskFull", false)
	if err := s.Save(browserState(st)); err != nil {
		t.Fatal(err)
	}
	js.Global().Call("eval", `locksHeld.clear(); localStorage.setItem("tuitalk2.identity", "garbage")`)
	damaged, err := OpenBrowserStorage()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := damaged.Load(); !errors.Is(err, ErrDamaged) || len(got.Outbox) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	js.Global().Call("eval", `navigator.locks = undefined`)
	openTab(t)
	js.Global().Call("eval", `delete globalThis.localStorage`)
	if _, err := OpenBrowserStorage(); err == nil {
		t.Error("there is no storage, but it opens")
	}
}

func TestBrowserPrefs(t *testing.T) {
	browser(t)
	one, _ := openTab(t)
	for key, value := range map[string]string{"draft.1": "half", "draft.2": ""} {
		if err := one.SetPref(false, key, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.SetPref(true, "read.1", "7"); err != nil {
		t.Fatal(err)
	}
	newTab(false)
	two, _ := openTab(t)
	if one.Pref(false, "draft.1") != "half" || two.Pref(false, "draft.1") != "" || two.Pref(true, "read.1") != "7" || one.Pref(false, "draft.2") != "" {
		t.Errorf("%q, %q, %q", one.Pref(false, "draft.1"), two.Pref(false, "draft.1"), two.Pref(true, "read.1"))
	}
	js.Global().Set("diskFull", true)
	defer js.Global().Set("diskFull", false)
	if err := one.SetPref(true, "read.1", "8"); err == nil {
		t.Error("kept, though the disk is full")
	}
}
