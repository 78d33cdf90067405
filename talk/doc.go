// Package talk is the protocol of TuiTalk: its messages, the four forms in
// which they travel, their limits, and what makes a text fit to be shown. This
// comment specifies the wire: a client can be written from it alone, in any
// language. testdata/golden has each message in the exact bytes of each form,
// testdata/foreign clients in other languages: in Python for all forms but extended
// bincode, in Perl for that one.
//
// # Overview
//
// People meet in rooms, which have a number (i32, any) and come into being by
// being used. A room is a log of entries: somebody joined, left, changed the
// name, or said something. The server numbers the entries of a room 1, 2, 3 …
// without holes when it stores them; this is seq. Live view, resume and history
// show the same entries in the order of seq, each once. A user is a UUID and a
// name; there is no registration. A client of the extended form proves that its
// UUID is its own, see "Identity".
//
// There are two vocabularies. The original's has eleven messages; it is what the
// clients of toto-b/TuiTalk speak. The extended one adds fields to them and messages
// of its own; a client chooses it by opening with Hello. New clients should: only it
// can resume without a gap, and can tell what was stored. Each of the two is written
// in JSON or in bincode: four forms in all. Extended bincode is little more than half as
// long as extended JSON, and what a new client should speak; JSON is for
// scripts, and for whoever wants to read the wire.
//
// # Transport
//
// WebSocket (RFC 6455) at the path /ws of the server, or at / for clients that dial
// no path, without subprotocol and without extensions. The handshake's head has
// at most 8 KB and 100 headers, and one Host, Sec-WebSocket-Key and
// Sec-WebSocket-Version (13). A client's frames are masked. One WebSocket message is
// one message of this protocol; it may come in fragments. A text message is
// JSON, a binary message is bincode. The first message decides in which of
// the two the connection speaks to its end, and whether in the extended vocabulary:
// only if it is Hello. Before it the server says nothing. A later message of the
// other kind is refused (bad_frame).
//
// A browser's Origin must be the server's own, at a host name that is the
// server's, unless the operator allows others. A request without Origin is taken: it is no browser's.
//
// The server sends WebSocket pings on quiet connections; a client must answer
// them with pongs, as any WebSocket library does. A connection from which
// nothing comes, not even pongs, is closed (4010), as is one whose first message
// does not come soon (4013).
//
// # JSON
//
// A message is an object with one key, the variant, whose value is the object
// of its fields: {"Ping":{"n":1}}. Types:
//
//	i32, i64, u32, u64  a number without fraction and exponent, in the range of
//	                    the type. A language whose numbers are floating point
//	                    keeps seq and times exact below 2^53, which they stay.
//	string              UTF-8. Half a surrogate pair in \u escapes is refused.
//	uuid                a string, "67e55044-10b1-426f-9247-bb680e5fe0c8"; hyphens
//	                    as here, read in either case, written in lower case
//	secret              a string of 64 hexadecimal digits, likewise
//	bool                true or false
//
// All fields are to be written, in every direction, also those that are ignored,
// but for those marked ?: they are left out when they are 0, false, empty or the
// zero UUID (but for after_seq, in which 0 says something). A field that is absent or null is read as one of these, and refused
// where that is no value for it, as in a name, a text, a uuid or a limit. Order
// and white space are free; what the server writes has the order of "Fields" and no
// white space. Names are known by their case: Text is another field than text.
// Unknown fields are ignored: a client must do the same, and must ignore variants
// that it does not know, so that the extended form can grow. But no name may come
// twice in one object, be it known or not. An object is never written as an array.
// What a client sends has at most 256 parts (see "Limits"); nothing from the server
// nests deeper than 10,000 levels.
//
// # Bincode
//
// bincode 1.3 with its default options, as Rust's serde writes the original's
// enum. All integers are little-endian and of fixed width:
//
//	variant  u32, the number given below
//	i32 …    two's complement of 4 or 8 bytes
//	string   u64 length in bytes, then the UTF-8
//	uuid     u64 16, then the 16 bytes in the order of the text form
//	vector   u64 count, then the items
//
// Fields stand in the order given below, without names, padding or separators. In
// the original's vocabulary nothing follows: bytes behind the message are refused.
// (The original's server ignores them. No client is known to send any; as in JSON, it
// is safer to refuse a frame than to take a part of it for the whole.)
//
// The extended vocabulary has besides
//
//	bool       one byte, 0 or 1
//	secret     u64 32, then the 32 bytes
//	x?         serde's Option: a byte 0 for none; a byte 1, then the value
//	[message]  u64 count, then each message behind its size in bytes as u64 (to serde,
//	           a vector of byte vectors, each of which holds a message)
//	[member]   u64 count, then the members
//
// and an object within a message is its fields in order. The extended fields of the
// original's variants stand behind the others: in PostMessage, at the end of message.
// What JSON leaves out is none here.
//
// It grows as JSON does, by new variants and by fields at the end of a message. So who
// reads it ignores variants that it does not know, alone or in a list, and bytes behind
// the last field that it knows; and takes a message that ends right before an optional
// field for one of an older writer, without that field. Who writes it writes all
// fields that it knows.
//
// # Fields
//
// The number before a variant is bincode's; 0 to 10 are the original's. What
// stands behind a semicolon only the extended form has.
//
//	 0 JoinRoom  room_id i32, uuid uuid, username string, unixtime u64; after_seq? i64, after_id? uuid, after_time? u64
//	 1 LeaveRoom  room_id i32, uuid uuid, username string, unixtime u64
//	 2 ChangeName  uuid uuid, username string, old_username string, unixtime u64; id? uuid
//	 3 Fetch  room_id i32, limit i64, fetch_before u64; before_seq? i64
//	 4 LocalError  message string
//	 5 UserJoined  uuid uuid, username string, room_id i32, unixtime u64; id? uuid, seq? i64, sent_at? u64, pending? bool, round? i32
//	 6 UserLeft  uuid uuid, username string, room_id i32, unixtime u64; id? uuid, seq? i64, sent_at? u64, pending? bool, round? i32
//	 7 UsernameChanged  uuid uuid, username string, old_username string, unixtime u64; room_id i32, id? uuid, seq? i64, sent_at? u64, pending? bool, round? i32
//	 8 History  text [message]; room_id? i32, before_seq? i64, more? bool, complete? bool
//	 9 Error  code string, message string; id? uuid, retry? bool, retry_ms? u32
//	10 PostMessage  uuid uuid, username string, text string, room_id i32, unixtime u64; id? uuid, seq? i64, sent_at? u64, pending? bool, round? i32
//	11 Hello  client string, secret? secret, session? uuid
//	12 Welcome  uuid uuid, server string, limits limits
//	13 Joined  room_id i32, head_seq i64, after_seq i64, members [member], member_count u32, head_id? uuid, reset? bool, members_unknown? bool, head_time? u64
//	14 Accepted  room_id i32, id uuid
//	15 Stored  room_id i32, id uuid, seq i64
//	16 Withdrawn  room_id i32, uuid uuid, id uuid
//	17 Presence  room_id i32, member_count u32
//	18 Reconnect  within_ms u32, reset? bool
//	19 Gap  room_id i32, from i64, to i64, to_id? uuid, to_time? u64
//	20 Ping  n u32
//	21 Pong  n u32
//
// The value of PostMessage is an object with one field, message, which holds those
// given here. A message in a list is written like any other. The two objects within
// messages are
//
//	limits  text_bytes u32, name_bytes u32, name_clusters u32, frame_bytes u32, fetch_entries u32
//	member  uuid uuid, username string
//
// # Messages of the original
//
// Each is shown in JSON and as bincode in hexadecimal, with spaces between the
// fields. An arrow shows the direction: C is the client, S the server.
//
// 0 JoinRoom, C→S. Enters a room and leaves the one the connection was in.
// unixtime is in seconds; the server ignores every client's.
//
//	{"JoinRoom":{"room_id":7,"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"ada","unixtime":1760000000}}
//	00000000 07000000 100000000000000067e5504410b1426f9247bb680e5fe0c8 0300000000000000616461
//	0078e76800000000
//
// 1 LeaveRoom, C→S. Leaves for good.
//
//	{"LeaveRoom":{"room_id":7,"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"ada","unixtime":1760000000}}
//	01000000 07000000 100000000000000067e5504410b1426f9247bb680e5fe0c8 0300000000000000616461
//	0078e76800000000
//
// 2 ChangeName, C→S. username is the new one, old_username is ignored.
//
//	{"ChangeName":{"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"lovelace","old_username":"ada","unixtime":1760000000}}
//	02000000 100000000000000067e5504410b1426f9247bb680e5fe0c8 08000000000000006c6f76656c616365
//	0300000000000000616461 0078e76800000000
//
// 3 Fetch, C→S. Asks for older entries, see "History". fetch_before is in seconds.
//
//	{"Fetch":{"room_id":7,"limit":50,"fetch_before":1760000000}}
//	03000000 07000000 3200000000000000 0078e76800000000
//
// 4 LocalError, C→S. The original's client keeps errors of its
// own in it, and sends some of them. The server ignores it and never sends it.
//
//	{"LocalError":{"message":"Input too long"}}
//	04000000 0e00000000000000496e70757420746f6f206c6f6e67
//
// 5 UserJoined, S→C. An entry.
//
//	{"UserJoined":{"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"ada","room_id":7,"unixtime":1760000000}}
//	05000000 100000000000000067e5504410b1426f9247bb680e5fe0c8 0300000000000000616461 07000000
//	0078e76800000000
//
// 6 UserLeft, S→C. An entry.
//
//	{"UserLeft":{"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"ada","room_id":7,"unixtime":1760000000}}
//	06000000 100000000000000067e5504410b1426f9247bb680e5fe0c8 0300000000000000616461 07000000
//	0078e76800000000
//
// 7 UsernameChanged, S→C. An entry. username is the new one. In the original's
// forms it has no room: it belongs to the one that the client is in.
//
//	{"UsernameChanged":{"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"lovelace","old_username":"ada","unixtime":1760000000}}
//	07000000 100000000000000067e5504410b1426f9247bb680e5fe0c8 08000000000000006c6f76656c616365
//	0300000000000000616461 0078e76800000000
//
// 8 History, S→C. text is a vector (in JSON an array) of messages, oldest first:
// UserJoined, UserLeft, UsernameChanged, PostMessage. Answers Fetch. A History never
// holds a History.
//
//	{"History":{"text":[{"UserJoined":{"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"ada","room_id":7,"unixtime":1760000000}}]}}
//	08000000 0100000000000000 05000000 100000000000000067e5504410b1426f9247bb680e5fe0c8
//	0300000000000000616461 07000000 0078e76800000000
//
// 9 Error, S→C. message is one sentence for a person, in English.
//
//	{"Error":{"code":"bad_text","message":"A message has at most 4000 bytes."}}
//	09000000 08000000000000006261645f74657874
//	210000000000000041206d65737361676520686173206174206d6f737420343030302062797465732e
//
// 10 PostMessage, both ways. From the server it is an entry; from a client, the
// wish for one.
//
//	{"PostMessage":{"message":{"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"ada","text":"hello","room_id":7,"unixtime":1760000000}}}
//	0a000000 100000000000000067e5504410b1426f9247bb680e5fe0c8 0300000000000000616461
//	050000000000000068656c6c6f 07000000 0078e76800000000
//
// # Messages of the extended form
//
// Each is shown in JSON with all of its fields; some also in bincode, which is for
// all of them in testdata/golden.
//
// Hello, C→S. client is program and version; secret, see "Identity": without it the
// server refuses. Welcome, S→C. server is a name for the people who run it; limits,
// see "Limits".
//
//	{"Hello":{"client":"golden/1","secret":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","session":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717"}}
//	0b000000 0800000000000000676f6c64656e2f31 01
//	2000000000000000000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 01
//	10000000000000005f1d7a529c3e4b088d61f0a4c2e9b717
//	{"Welcome":{"uuid":"b58ec876-c5b7-8146-9e66-92e1053b159b","server":"gateway-1","limits":{"text_bytes":4000,"name_bytes":64,"name_clusters":32,"frame_bytes":65536,"fetch_entries":500}}}
//
// Joined, S→C. Answers JoinRoom.
//
//	{"JoinRoom":{"room_id":7,"uuid":"b58ec876-c5b7-8146-9e66-92e1053b159b","username":"ben","unixtime":0,"after_seq":41,"after_id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717","after_time":1760000000}}
//	{"Joined":{"room_id":7,"head_seq":42,"after_seq":41,"members":[{"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"ada"},{"uuid":"b58ec876-c5b7-8146-9e66-92e1053b159b","username":"ben"}],"member_count":2,"head_id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717","reset":true,"head_time":1760000000}}
//
// Stored, Accepted, Withdrawn, S→C. They tell what became of a PostMessage; uuid is
// its author.
//
//	{"PostMessage":{"message":{"uuid":"b58ec876-c5b7-8146-9e66-92e1053b159b","username":"ben","text":"hello","room_id":7,"unixtime":0,"id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717","round":3}}}
//	{"Accepted":{"room_id":7,"id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717"}}
//	{"Stored":{"room_id":7,"id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717","seq":42}}
//	{"Withdrawn":{"room_id":7,"uuid":"b58ec876-c5b7-8146-9e66-92e1053b159b","id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717"}}
//
// Presence, S→C. Gap, S→C; from and to are inclusive. Reconnect, S→C.
//
//	{"Presence":{"room_id":7,"member_count":301}}
//	{"Gap":{"room_id":7,"from":43,"to":9000,"to_id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717","to_time":1760000000}}
//	{"Reconnect":{"within_ms":5000,"reset":true}}
//
// Ping, Pong, both ways. Pong answers Ping with the same n. A client
// sends a Ping, behind its Hello, to learn now whether the line is alive, say
// after a sleep.
//
//	{"Ping":{"n":4294967295}}
//	{"Pong":{"n":0}}
//
// The variants of the original with their extended fields; an entry as it is
// when stored, when pending, and when stored after it was pending:
//
//	{"ChangeName":{"uuid":"b58ec876-c5b7-8146-9e66-92e1053b159b","username":"benjamin","old_username":"ben","unixtime":0,"id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717"}}
//	{"Fetch":{"room_id":7,"limit":50,"fetch_before":0,"before_seq":42}}
//	{"UsernameChanged":{"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"lovelace","old_username":"ada","unixtime":1760000000,"room_id":7,"id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717","seq":42}}
//	{"PostMessage":{"message":{"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"ada","text":"hello","room_id":7,"unixtime":1760000000,"id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717","seq":42}}}
//	0a000000 100000000000000067e5504410b1426f9247bb680e5fe0c8 0300000000000000616461
//	050000000000000068656c6c6f 07000000 0078e76800000000
//	0110000000000000005f1d7a529c3e4b088d61f0a4c2e9b717 012a00000000000000 00 00 00
//	{"PostMessage":{"message":{"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"ada","text":"hello","room_id":7,"unixtime":1760000000,"id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717","sent_at":1759999999,"pending":true}}}
//	{"PostMessage":{"message":{"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"ada","text":"hello","room_id":7,"unixtime":1760000000,"id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717","seq":43,"sent_at":1759999999}}}
//	{"History":{"text":[{"UserJoined":{"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"ada","room_id":7,"unixtime":1760000000,"id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717","seq":1}},{"PostMessage":{"message":{"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"ada","text":"hello","room_id":7,"unixtime":1760000000,"id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717","seq":2}}}],"room_id":7,"before_seq":3,"more":true,"complete":true}}
//	08000000 0200000000000000 5800000000000000 05000000
//	100000000000000067e5504410b1426f9247bb680e5fe0c8 0300000000000000616461 07000000
//	0078e76800000000 0110000000000000005f1d7a529c3e4b088d61f0a4c2e9b717 010100000000000000 00 00 00
//	6500000000000000 0a000000 100000000000000067e5504410b1426f9247bb680e5fe0c8
//	0300000000000000616461 050000000000000068656c6c6f 07000000 0078e76800000000
//	0110000000000000005f1d7a529c3e4b088d61f0a4c2e9b717 010200000000000000 00 00 00 0107000000
//	010300000000000000 0101 0101
//	{"Error":{"code":"flood","message":"Slowly, please.","id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717","retry":true,"retry_ms":1500}}
//
// # Identity
//
// Identity proves itself. A client makes a secret, 32 bytes of a cryptographic
// random generator, keeps it, and shows it in every Hello. Its UUID is
//
//	SHA-256("tuitalk identity 1" 0x0a secret)
//
// (the 19 bytes of the label with its newline, then the 32 bytes), of which the
// first 16 bytes are taken and made a UUID of version 8: byte 6 is
// (byte 6 & 0x0f) | 0x80, byte 8 is (byte 8 & 0x3f) | 0x80. A secret and its
// UUID:
//
//	000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f  b58ec876-c5b7-8146-9e66-92e1053b159b
//
// The server derives the UUID from the secret and keeps nothing of it: every
// server of a fleet knows at once who shows it, also after it has lost all that
// it had. In Python, who is somebody for one conversation only:
//
//	secret = secrets.token_hex(32)
//	send({"Hello": {"secret": secret}})  # me = receive()["Welcome"]["uuid"]
//
// Whoever is shown a secret can be that user. So:
//
//   - A client makes a secret of its own for each server: for each origin
//     (scheme, host and port), or for the list of servers that its user named
//     together. Nothing that belongs to one (the secret, unsent messages, what
//     was read) is ever shown to another.
//   - A client follows no redirect of the handshake: its user has not named where
//     it leads. (No browser does; libraries for programs often do.)
//   - A secret gets into no log and no address. Over ws:// whoever is on the way
//     can read it.
//   - Who has lost a secret is somebody else from then on.
//
// A UUID of any other version proves nothing: users of the original's forms make
// their own, everybody sees them, and everybody can say that they are his. No
// Hello leads to such a UUID, and a UUID of version 8 cannot be used in the
// original's forms. Clients should show to people whose UUID proves nothing.
//
// # Connecting in the extended form
//
// The client's first message is Hello. Later ones are refused (hello_not_now).
//
//   - secret: who one is, see "Identity". Without it the Hello is refused
//     (not_you), and the connection closed (4011).
//   - session: a random UUID that the client makes once per window. Every
//     reconnect repeats it, so that the server knows a return from a second
//     window. A second connection with the same session takes over from the
//     first, which is closed (4009) once the new one has joined.
//
// The server answers with Welcome, whose uuid is that of the secret. Every later
// uuid field must be this uuid (else not_you). A client that has derived it need
// not wait for Welcome; a server that says another one is not to be talked to.
//
// Then JoinRoom, answered by Joined or by Error. Joined comes before any entry
// of the room, and ends the stream of the room before. The entries after
// Joined.after_seq follow, each once, ascending, without hole, and then
// whatever is said, for as long as the connection stands:
//
//   - JoinRoom without after_seq: the view starts at the end of the room, which
//     is the client's own UserJoined where the join writes one. For what came
//     before, Fetch with before_seq one more than Joined.after_seq.
//   - JoinRoom with after_seq, the newest seq that the client has of this room,
//     and after_id and after_time, the id and the unixtime of that entry: what was
//     missed follows. If they are not this room's, Joined.reset is true and the view
//     starts as above: drop what you have of the room, and Fetch. Without after_time
//     a store that was set back may go unnoticed: what its author says again there can
//     get the seq that it had, behind other entries. after_seq 0, without the others,
//     means from the room's first entry on. Who has nothing but Joined.head_seq has
//     head_id and head_time for it.
//   - A Gap may stand for entries that are too many to send: those with seq
//     from to to are left out, and the stream goes on behind. Fetch has them. to_id
//     and to_time are of the entry at to, if the server knows it. Who came and went in
//     the gap is not told: where no Joined says it, as one right before the Gap does,
//     send JoinRoom again with the three as after_seq, after_id and after_time, or
//     without after_seq if there is no to_id.
//
// Joined.members are those who were in the room at head_seq, at most 300, in the
// order in which they came; member_count may be greater. Entries that follow up
// to head_seq are counted in it already; the later ones change it. With members_unknown
// true the store is away, and this server was not in the room before: the two say
// nothing, and not that nobody is there. A client keeps the list that it has, if it
// resumes, else it has none; when the store is back it is asked to join again
// (Reconnect, Gap), or the log begins at 1 and tells of everybody. A head_seq of -1
// (with after_seq 0) says that the store is away and that this server knows nothing of
// the room: not that it is empty. Pending entries come meanwhile; when the store is
// back, a Gap from 1 says where the live view starts (none: at 1). In a room
// of more than 300 members joins and leaves write no entries; Presence gives
// the count, at most once a second.
//
// One connection is in one room at a time, one user may have many connections.
// Somebody joins a room with the first of their sessions there and leaves with
// the last. JoinRoom for the room that the connection is in is answered again. LeaveRoom leaves at once and keeps the
// connection; it is ignored for any other room. A connection that breaks
// without LeaveRoom has 30 s to come back, to any server of the fleet, before
// UserLeft is written; to come back in time writes nothing.
//
// ChangeName changes the user's name. It is answered by the entry UsernameChanged,
// which carries its id, or by Error. Where that needs no entry, since the name is the
// same already, or the id was granted before, a UsernameChanged with the id and without
// seq goes to who asked, and to nobody else: it is no entry, ends the wish, and its
// username is the one by which the room knows the user now. The user's other windows
// have the name then, too, in whatever rooms; an entry in each says so.
//
// Of two names of a user the one that was wished for last holds, and only ChangeName
// is a wish. The username of JoinRoom is for who is not in the room yet: who is there,
// by another window or since he has not left yet, keeps the name by which the room
// knows him, and finds it among Joined.members. So a window that was away while
// another changed the name learns the new one. Who comes to a room and is known by
// another name in the rooms of his other windows is renamed as there, within seconds,
// unless he has sent a ChangeName since he connected. After a reconnect a client
// sends a ChangeName that was not answered again, with its id: what was granted once
// is not granted again, and so does not undo what was wished for since.
//
// # Connecting in the original's forms
//
// The first JoinRoom says who one is: its uuid is the connection's from then on.
// A UUID of version 8 cannot be used here (close 4011). When the connection ends,
// however it does, the user leaves the room, without the 30 s: such a client
// cannot come back as the same session.
//
// The joiner gets its own UserJoined, through the room like everybody else; when
// the join writes no entry (a return in time, a large room), it alone gets one.
// No history is sent unasked, there is no resume, nothing is acknowledged: an
// author sees that a message was taken when it comes back through the room.
// JoinRoom of another room leaves the old one, and the LeaveRoom for the old
// room that the original's client sends then is ignored. Entries come when they
// are stored, in the order of seq, which is not told. The server makes the ids.
//
// # Entries
//
// uuid and username are the author's. unixtime is in seconds, set by the server,
// and never runs back along seq. id is a UUID that the author's client made; an
// entry is known by (room_id, uuid, id) before it has a seq. What clients say
// of unixtime, username, seq, sent_at and pending in a PostMessage is ignored;
// the username is the one by which the room knows the sender. Any UUID that the
// author has not used will do; one that begins with the time (version 7) is
// kindest to the store.
//
// An entry with pending true is accepted, but not yet stored: the store is away.
// It has no seq and sent_at instead, and its unixtime is not settled. Show it
// below all stored entries, marked; it is no history. It comes again, with seq,
// when it is stored: move it there. Or Withdrawn takes it back, as it was lost or
// stood in the log before, further back than you may remember. An entry that
// waited keeps sent_at, when it was accepted. Pending entries do not go to
// clients of the original's forms.
//
// # Posting and the outbox
//
// A client puts what the user says into an outbox, with a random id, and sends
// it as PostMessage. It keeps it there, over reconnects and its own restart,
// until it is Stored or refused for good:
//
//   - Stored: durable under this seq. The entry itself comes through the room
//     like everybody else's, before or after. An own entry that comes with a
//     seq is stored too, whether Stored comes or not (the line may have broken).
//   - Accepted: in the servers' spool, on a Redis master and at least one
//     replica, and as the service is delivered on the disks of both; Stored
//     follows when the store is back. It outlives any one server, but it is
//     less than Stored: who runs Redis with appendfsync everysec loses what was
//     accepted in about the last second if all its nodes lose power at once, and
//     who loses the disks of a master and its replicas loses all of its spool. So
//     keep it in the outbox, and never show it as stored. Withdrawn means that
//     it was lost, unless Stored came before: it is as if it were never sent.
//   - Error with its id and without retry: refused for good. Show it to the
//     user, who may change it and send it with a new id.
//   - Error with its id and retry: see "Refusals".
//
// After a reconnect, behind Joined, everything in the outbox of this room is
// sent again with the same ids, in the order in which it was first sent. A repeat
// is stored once and answered with the seq of the first. Entries of one
// connection are stored in the order in which they were sent. A message to a
// room that the connection is not in is refused (bad_room): keep those of other
// rooms until one is there. In the extended form a message needs an id; in the
// original's the server makes one.
//
// # Refusals
//
// The order of what one says must hold even when the server refuses one message
// and could take the next. So every PostMessage carries a round, 0 at the start
// of a connection. When a PostMessage is refused with retry, the server refuses
// all later ones of this connection whose round is not greater than that one's,
// with the code out_of_turn and retry. A client that sees such a refusal of its
// current round waits retry_ms, raises its round by one, and sends all its
// unstored entries of the room again in order. Refusals of older rounds have
// been dealt with: ignore them. A refusal without retry touches no other entry.
// In the original's forms there are no rounds: a refused message is lost to the
// server, and later ones are taken. Such a client has no ids with which it could
// repeat. So its post is refused only if it certainly is nowhere. If that is
// unclear, since the store or the spool did not answer, the server says nothing,
// keeps the post, and repeats it, in front of what the connection says later, until
// the post is stored (and comes through the room) or refused for good. What the
// connection says meanwhile, a new name and another room too, waits for 15 s, and is
// refused then (unavailable), or at once when too much waits. The post is kept on
// when the connection ends: the message may appear later. Only the end of the
// gateway ends it, after one more attempt: then nobody knows whether it is stored.
//
// # History
//
// Fetch is for any room, joined or not, once the server knows who asks (by Hello
// or a first JoinRoom), with a limit of 1 to 500. The answer is one or more
// History messages, each with its oldest entry first. A long one is sent as the
// client takes it, with other messages between. One Fetch is answered at a time,
// in the order in which they came; it costs the more of what flood control
// allows, the more entries it returns. An Error in its place, or in the place of
// what is missing of it, has no id.
//
// In the extended form the History messages come oldest first too, so that the
// whole answer is in order. In the original's forms the newest comes first: put
// each in front of those before, as the original's clients do. (What is left of
// an answer when such a client leaves the room is not sent: it would be shown in
// the next one.)
//
// In the extended form, with before_seq > 0: the newest limit entries with seq <
// before_seq. History repeats before_seq; more says that further messages of this
// answer follow; in the last one complete says that the room has nothing older.
// For the next page take the seq of the first entry. fetch_before is ignored.
//
// Otherwise by time: the newest entries with unixtime < fetch_before, at least
// limit if there are so many, and never a part of a second, so that none fall
// between two pages: an answer exceeds the limit to finish its second, however
// much there is of it. For the next page take the unixtime of the oldest entry.
// An empty History means that there is nothing older.
//
// # Reconnecting
//
// When a connection breaks, connect again at once, then with growing pauses and
// jitter, and resume; to the user it need not show for a while. After
// Reconnect the server is about to go: open a new connection, Hello with the
// same session, JoinRoom with after_seq, and close the old one when the new one
// has Joined. The old one serves on until then, at most within_ms, and is closed
// with 1001. With reset true what you have of the room is not its log, as the store was
// set back: JoinRoom without after_seq, drop it when Joined has come, and Fetch. Clients of the original's forms are only closed.
//
// # Errors
//
// An Error leaves the connection as it was, unless a close follows. retry means
// that the same message may be taken later, not before retry_ms milliseconds.
// One without id answers Hello, JoinRoom or Fetch, but for not_stored, which tells of a
// ChangeName, and flood without retry, which says that a Ping was one too many: these two,
// and codes that a client does not know, are no reason to hang up, whatever it waits for.
// Codes are stable, others may be added:
//
//	bad_frame      not readable; the sentence names the field. Or of too many parts
//	not_for_you    a message that only servers send
//	not_joined     say who you are, or join a room, first
//	not_you        the uuid is not the connection's, or a Hello proves none
//	bad_name       nothing to see in it, over the limits, or one of the service's own
//	bad_text       nothing to see in it, over the limits, or with NUL
//	bad_limit      Fetch.limit is not 1 to 500
//	bad_room       not the room that the connection is in
//	refused        the store refuses this entry for good
//	not_stored     nothing is refused: a new name holds for what its author says, and
//	               the others hear of it when the store is back
//	hello_not_now  Hello must be the first message
//	flood          retry: too fast; the server has delayed before it refuses. Or
//	               the room is in slow mode; see "Too much"
//	busy           retry: the server's queue is full
//	unavailable    retry: neither store nor spool can be reached
//	out_of_turn    retry: an earlier one was refused and comes first
//
// Close codes, each with a reason for people. Unless it says otherwise, connect
// again:
//
//	1001  the server stops
//	1002  not WebSocket as of RFC 6455, such as an unmasked frame
//	1007  a text message that is not UTF-8; said at its first wrong byte
//	1009  a message over 64 KiB
//	1011  a fault of the server
//	1013  the server cannot do it now; wait a moment
//	4008  the client did not read fast enough
//	4009  the same session connected elsewhere; not again from here
//	4010  nothing came, not even a pong
//	4011  a Hello without secret, or a uuid that has to be proven; not again so
//	4012  the client keeps sending what is refused, or far too much; mend it
//	      first, and wait before you connect: who did so is kept out for a while
//	4013  nothing was said in time
//
// # Too much
//
// A server may bound what a connection, a user, an address, a room and all
// together send, in messages and in bytes, and every message counts, pings too.
// What is too much waits for its turn, in order. Of what is more than that, a
// message is refused with flood, retry and a retry_ms that is true: sent again
// then, it is taken as far as anybody can know. A client that posts no more than 32
// messages ahead of their answers, and waits when it is told to, loses nothing and
// is never closed. Others are, in the end, with 4012; then the user, and if many of
// its connections did so the address, is kept out for a while: with 4012 after
// Hello, with 429 and Retry-After instead of the upgrade, or by hanging up.
//
// A room may be in slow mode, by its operator's choice or because too much is said in
// it: then each user can speak once in some seconds there. A message that comes earlier
// is refused with flood; retry_ms is when the user's turn is. Clients of the original's
// forms get the sentence only, and their message is lost.
//
// # Limits
//
// These are the defaults; Welcome.limits has those of the server:
//
//	text_bytes     4,000 bytes of UTF-8, and no NUL
//	name_bytes     64 bytes of UTF-8
//	name_clusters  32 grapheme clusters (UAX #29), at least 1
//	frame_bytes    65,536 bytes a message from a client
//	fetch_entries  500
//
// In JSON a message from a client has at most 256 parts: objects, arrays and the
// commas outside of strings, all counted together. What a client says has no more
// than 16; the rest is for fields to come. A History of more than 256 messages,
// which no client sends, is refused as bad_frame in bincode too.
//
// A message from the server has up to 1 MiB (1,048,576 bytes); a History that
// would be larger is several.
//
// # Text
//
// The server cleans names and texts before it stores them; clients should clean
// what they show too. Text keeps newlines; a tab becomes a space, U+2028 and
// U+2029 a newline. The other controls (C0 with CR, DEL, C1) and those of writing
// direction (U+061C, U+200E, U+200F, U+202A-202E, U+2066-206F) are dropped, and
// a cluster has at most eight combining marks and eight joiners. Names lose
// besides all format characters (Cf), private ones (Co), invisible fillers, marks
// without a letter, and space around them; space and blanks within are folded.
// What is left of a name or a text must show something.
//
// # Names
//
// Names are not unique, and prove nothing. The server brings them into Unicode's
// NFKC, so that fullwidth or mathematical letters become plain ones: the entry
// of a join or a rename has the name as it was taken. It refuses (bad_name) the
// service's own names, such as server, system, tuitalk or admin, and what looks
// like one, with symbols beside it too. Two names that look alike are both taken: a client tells them
// apart, by a beginning of the UUID say, when their skeletons are equal. The
// skeleton of a name has case, marks, spaces and punctuation taken away, and in
// place of each character that looks like ASCII letters or digits those, as in
// Unicode TS 39; 0 as o, 1 i and | as l, m as rn, w as vv.
//
// # In Go
//
// A message is declared once: by its struct and the tags of its fields. Both codecs
// are made of them, by the command wiregen; so is what goccy/go-json reads and writes
// JSON with. Bincode needs no reflection, so that the same code is quick in a gateway
// and small in a browser. To add a field is a line in message.go, one in the table
// above, and go generate. In a browser the forms in JSON do not exist. Append and
// Decode are the codec; a server reads its clients' frames by DecodeFromClient. A Form
// is one of the four ways to write; Decode reads JSON and Extended alike. Decoded messages
// share no memory with the frame. Errors of Decode wrap one sentinel of this
// package, name the field, as in "PostMessage.message.text: a field has the
// wrong type", and quote nothing of the frame. The package has no goroutines, no
// locks and no state: everything may be called from anywhere.
package talk
