// Package client is one user's side of TuiTalk, for every program that has
// users: the terminal, the browser, the load generator and the tests.
//
//	Session  what is going on; pure: Handle(now, Event) returns Effects
//	Driver   does the effects over a Dialer and a Storage, in the owner's loop
//	Dialer   WebSockets: dialer_native.go, dialer_js.go
//	Storage  what survives a restart: storage_native.go, storage_js.go
//
// What the terminal's and the browser's views share stands above it: package view.
//
// # What a Session guarantees
//
// Whatever the line, the servers and the program go through:
//
//   - The log is a stretch of the room's log: ascending seq, no hole, nothing
//     twice, nothing that is not stored. An entry that is not the next one is
//     never shown: it is a reason to join again behind the last.
//   - A message that was posted is in the outbox, durably, before it is sent,
//     and stays there until a server says that it is stored (or it is seen in
//     the log), or the user discards it. It is sent again over every new line
//     and after every restart with the same id, so that it is stored once.
//   - What one window posts to a room is stored in that order, also when a
//     server refuses a message for now and takes the next (see nextRound), and
//     over a change of servers. Only a message that was refused for good, and
//     that the user sends again, goes behind later ones.
//   - Nothing is called stored that is not. Accepted is not stored. An entry that
//     is stored, but not in the log yet, stays visible below the log.
//   - A text that is not taken is refused while Handle runs (Notice.Refused), so
//     that the view still has it.
//   - A server cannot make the session keep more than bounds.go says, dial
//     without pause, or panic.
//
// # Life of a message
//
// Post → checked, appended to the outbox → Save → Send, if the room is joined
// and fewer than 32 are unanswered → perhaps Accepted (a mark) → Stored, or the
// entry itself, in either order → the entry stands in the log and is gone from
// the outbox, and a Save follows within a second; lost, it costs a resend that
// the servers recognise.
//
// A view shows Fresh without a mark for 300 ms, then Waiting. After 60 s it is
// shown as Failed, but that is only a mark: it goes on being sent, and if it is
// stored after all, it is stored. Refused for good, it is Failed and rests
// until Retry or Discard; what was posted after it goes on.
//
// A message belongs to the room in which it was posted. When the user goes on to
// another room before it is stored, a background sender brings it: a second connection
// with a session of its own joins the old room, posts, leaves and hangs up,
// while the shown room is not disturbed. Status.Owed counts what it still has.
//
// # Identity
//
// Who the user is proves itself by a secret (package talk, "Identity"), which
// belongs to the servers of Config.Servers and no others. A Storage keeps what
// belongs to one list of servers, or one origin, and never reads it for another:
// the secret, the name, the room, the outbox. A session always has a secret; the
// first windows of a user agree on one, as the Storage makes it. Anew makes
// another one at any time. An entry of the outbox knows as whom it was posted:
// under another author it would be another message, so what may have been sent
// as who the user was is shown as failed, until the room shows it or the user
// says Retry.
//
// # Lines
//
// There is one live line, and there may be tries for the next one. A try dials,
// says Hello and JoinRoom in one breath, and takes the
// place of the live line when Joined has come: so a server's Reconnect, or a
// line that is only suspected to be dead, costs no gap. Entries count from the
// live line only; what both lines carry is told apart by seq. A dial that is
// not answered for 1.5 s gets a second one beside it; which opens first wins,
// and the other is heard out (a proxy learns only so that a server is frozen).
//
// A line that is quiet for 5 s is asked (Ping) and suspected after 2.5 s more.
// Attempts begin at once and then back off, with jitter, up to 5 s; only a line
// that lasted 3 s makes the next attempt immediate again. Nobody sees an
// outage of less than 1.5 s (Resuming). A server that refuses the user's
// identity ends all attempts (Refused), and the identity is kept: Start tries
// again, and Anew begins as somebody else. A line closed as superseded, though this session has no other, means
// that two windows have one session's name: this one takes a new name, and the user
// is told that his identity is in use elsewhere (Notice.Anew).
//
// # Goroutines
//
// A Session has none and no locks: it belongs to the goroutine that calls
// Handle. A Driver belongs to the same one; it starts a goroutine for each Save,
// which delivers its result as an event, and Close waits for it. Lines have
// goroutines of their own (two natively, one in the browser) that end after
// they have delivered Closed; Driver.Close waits for them. All events come
// through one bounded channel; a line that is faster than the loop waits.
package client
