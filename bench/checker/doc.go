// Package checker tells from recorded histories whether the promises of the
// system were kept: every stored entry is in the store and is shown to every
// member of its room exactly once, in the order of seq, without a hole; what was
// live equals what the history gives later; nothing is called stored that is
// not; nobody "left" who was only reconnecting, and everybody did who is gone for
// good; lists of members and dates are true; nobody speaks under a name that he has
// given up; nothing of one room is sent to those in another; no session is served twice.
//
// It is the only history checker of the project: of the tests, of the chaos runs
// and of the load generator. It knows nothing of sessions, sockets and stores,
// only of recordings. bench/recorder makes them.
//
//	recording, err := checker.Decode(data)
//	report := checker.Check(checker.Options{}, recording)
//	fmt.Print(report)
//	return report.Err()
//
// # What is checked
//
// A history has, for each client, what it sent and what it was told of it, what
// it showed and in which order, and when its connection was up; for each room, what
// the store had in the end; and marks of the faults. Check goes over all events
// twice:
//
//	prepare, index  who is who, who said what, what the store has    said.go, store.go
//	judgeStore      the store against what was said
//	follow          each client's steps against the store            seat.go, verdict.go
//	                what servers sent over each connection           stream.go
//	                what was asked of them, and answered             ask.go
//	                what clients of the original's forms show        original.go
//	                their pages by time                              pages.go
//	                dates, and names                                 dates.go, names.go
//	judgeSends      messages that nobody knows of any more
//	judgePresence   joined and left lines against who was there      presence.go
//	judgeMembers    lists and counts against the log and who was     members.go
//	judgeLeaves     who is gone for good, and still a member         leave.go
//	judgeSharedNames  one name in all rooms                          names.go
//	judgeSessions   one connection for each session                  sessions.go
//	figures         what the faults did to people                    figures.go, outages.go, flow.go
//	tell            a story for each violation                       story.go
//
// All of it takes time in proportion to the events; the memory is the events',
// about 60 bytes each. Kind says what each violation means. An entry that is
// wrong in the store is reported once, and not again for everybody who was
// shown it as the store has it.
//
// Entries that were stored up to a Head are owed to everybody who is in the room
// from then to his Ended; what is stored later may or may not have been shown.
// Holes, doubles and wrong order are wrong at any time. What a client showed is
// compared with the store entry by entry, those included that it loaded as older
// history. Texts and names are compared by their hashes.
//
// What comes over one connection must be whole too: each entry behind the one at which
// the connection joined the room, once, ascending. A client heals what is not (it
// ignores what it has, and joins again where something is missing), so people see
// nothing of it, but it costs them time, and the next client may be a simpler one.
// Such violations have kinds of their own (Skipped, Repeated, Misplaced).
//
// Who asks to be let in, or for history, must be answered or refused, or lose his
// connection. What was not, is found (NeverAnswered) if it was asked for longer than
// Options.Answer before the end: over a connection that was good to the end, or over
// several, one after the other, as the client hung up on each when nothing came.
//
// Who has gone for good must have left by the last Head: at once (Options.Leave) if
// he said so over a good connection and no fault was near, else after the grace and
// that, in one stretch without a fault. So a run that means to see it lets some people
// go early enough. Where something depends on what the log tells of people it is judged
// in rooms only that were read from their first entry on and never had as many members
// as go unlisted (talk.MaxListed), from where on comings and goings may write no entry. A count is held
// against those who were surely there, and those who may have been.
//
// Clients of the original's forms are told neither ids nor seqs. What they show is found in
// the store by its content and by what stands around it: from the first entry of a room
// on, everything, once, ascending, to the end of the connection. What one sends is
// found by author and text; as nothing is sent again, it may be lost with its connection, or if
// something was refused when several were under way. A page by time must be whole seconds, at least as many
// entries as asked for if there are so many, and no second more, the newest part first; what was
// stored just before it was asked for may be in it.
//
// What a fault did to a client is the longest time in which it was kept from news
// (Blackout): while its connection held, from the sending of each message, while it was
// lost, from the loss. The silence of a room in which nobody talks is not counted.
//
// A store may be set back to an older state of its own on purpose. Who does so records
// what it had until then (Taken, wentback.go): that may be missing in the end, and
// nothing else; and who was shown it has to begin anew.
//
// A report has two kinds of bad news: violations, and reasons for which the run
// proves nothing (Unsound), such as a fault that did not take hold, a load that
// stopped, a room that was not read. Err is nil only without both.
//
// # The file
//
// A recording is a stream of records. It begins with the bytes "TTHIST", 0 and
// the version, which is 3. Versions 1 and 2 are the same with fewer verbs, and are read as well.
// A record is a byte that tells its kind, and its fields. Numbers are varints (as of encoding/binary): those that can be
// negative have their sign in the lowest bit, v<<1 ^ v>>63. Ids are 16 bytes,
// hashes are FNV-1a of 64 bits as 8 bytes, little-endian; flags are a byte, 0 or
// 1; a text is its length in bytes, at most 4096, and its bytes.
//
//	200  an entry of a room: kind (a byte, as talk.Kind), room (signed), seq
//	     (signed), unixtime, sent_at, author, id, hash of the text, hash of the name
//	201  a client: its label (a text)
//	202  a fault: time (signed), held (flag), what, evidence (texts)
//	203  a fault is over: its number, time (signed)
//	204  the end: the number of events. Nothing follows.
//
// Entries, clients and faults are numbered from 0 in the order of their records.
// Every other kind is a Verb, an event. Which fields it has, in which order, is said by
// the table verbs in codec.go: client (its number), time (signed; since the last event
// before), room (signed), seq (signed, not negative), id, hash, entry (its number),
// flag, number (signed, of 32 bits), unixtime. Times are microseconds since
// 1970. An entry that many are shown is written once, so that to be shown costs
// about six bytes. A file without its end is cut off, and good as far as it goes.
//
// # Goroutines
//
// None, and no state: everything but a Writer may be called from anywhere.
package checker
