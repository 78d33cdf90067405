package talk

//go:generate go run ./wiregen

// Message is one frame of the protocol: one of the concrete types of this
// file, always by value. Their tags declare the wire, see the command wiregen:
// both codecs are made of them.
type Message interface{ Tag() Tag }

// Tag names a variant of the enum. Tags 0 to 10 are the original's and are the
// variant numbers of bincode, as are the others in the extended form.
type Tag uint8

const (
	TagJoinRoom Tag = iota
	TagLeaveRoom
	TagChangeName
	TagFetch
	TagLocalError
	TagUserJoined
	TagUserLeft
	TagUsernameChanged
	TagHistory
	TagError
	TagPostMessage

	TagHello
	TagWelcome
	TagJoined
	TagAccepted
	TagStored
	TagWithdrawn
	TagPresence
	TagReconnect
	TagGap
	TagPing
	TagPong
)

// LastOriginalTag is the last variant that the original's clients know.
const LastOriginalTag = TagPostMessage

// Form is a way to write a message down. A connection speaks one.
type Form uint8

const (
	// JSON is the original's enum as externally tagged JSON, in text frames.
	JSON Form = iota
	// Bincode is the original's enum as bincode 1.3, in binary frames.
	Bincode
	// Extended is JSON with this project's fields and variants; a connection
	// speaks it from its Hello on.
	Extended
	// ExtendedBincode is the same in bincode, in binary frames.
	ExtendedBincode

	// Forms is how many there are.
	Forms = iota
)

// IsExtended tells whether the form has this project's fields and variants.
func (f Form) IsExtended() bool { return f >= Extended }

// IsBinary tells whether the form travels in binary frames.
func (f Form) IsBinary() bool { return f == Bincode || f == ExtendedBincode }

// JoinRoom enters a room and leaves the one the connection was in.
type JoinRoom struct {
	RoomID   int32  `wire:"room_id"`
	UUID     UUID   `wire:"uuid"`
	Username string `wire:"username"`
	UnixTime uint64 `wire:"unixtime"` // seconds; ignored by the server

	// Extended: the last seq that the client has, with the id and the unixtime of
	// that entry. The entries after it follow. Without Resume the live view starts
	// at the head of the room.
	Resume    bool   // after_seq is present
	AfterSeq  int64  `wire:"after_seq,optional" present:"Resume"`
	AfterID   UUID   `wire:"after_id,optional"`
	AfterTime uint64 `wire:"after_time,optional"` // 0: not known
}

// LeaveRoom leaves a room for good: no grace.
type LeaveRoom struct {
	RoomID   int32  `wire:"room_id"`
	UUID     UUID   `wire:"uuid"`
	Username string `wire:"username"`
	UnixTime uint64 `wire:"unixtime"`
}

// ChangeName asks for another name.
type ChangeName struct {
	UUID        UUID   `wire:"uuid"`
	Username    string `wire:"username"`
	OldUsername string `wire:"old_username"`
	UnixTime    uint64 `wire:"unixtime"`

	// Extended: made by the client, the same for every resend; the
	// UsernameChanged that comes of it carries it.
	ID UUID `wire:"id,optional"`
}

// Fetch asks for older entries: the newest Limit of those before FetchBefore
// (whole seconds) or, in the extended form, before BeforeSeq.
type Fetch struct {
	RoomID      int32  `wire:"room_id"`
	Limit       int64  `wire:"limit"`
	FetchBefore uint64 `wire:"fetch_before"`        // unix seconds, exclusive
	BeforeSeq   int64  `wire:"before_seq,optional"` // extended; exclusive; 0 when absent
}

// LocalError never travels; it is part of the original's enum.
type LocalError struct {
	Message string `wire:"message"`
}

// Kind says what an Entry tells.
type Kind uint8

const (
	KindJoined  Kind      = iota // UserJoined
	KindLeft                     // UserLeft
	KindRenamed                  // UsernameChanged
	KindPosted  = Kind(4)        // PostMessage; the numbers are those the original keeps in its database
)

// Entry is one line of a room's log. On the wire it is UserJoined, UserLeft,
// UsernameChanged or PostMessage, by its Kind.
type Entry struct {
	Kind     Kind
	Author   UUID   `wire:"uuid"`
	Name     string `wire:"username"`                                                        // after a rename the new one
	Text     string `wire:"text" UserJoined:"-" UserLeft:"-" UsernameChanged:"old_username"` // KindPosted: the text; KindRenamed: the old name
	RoomID   int32  `wire:"room_id" UsernameChanged:"room_id,extended"`
	UnixTime uint64 `wire:"unixtime"` // seconds; set by the store, never runs back along Seq

	// Extended.
	ID      UUID   `wire:"id,optional"`      // made by the sending client; the same for every resend
	Seq     int64  `wire:"seq,optional"`     // 1, 2, 3 … per room; 0 while it is not stored
	SentAt  uint64 `wire:"sent_at,optional"` // unix seconds when it was accepted; 0 unless it waited in the spool
	Pending bool   `wire:"pending,optional"` // accepted, not yet stored; has no Seq
	Round   int32  `wire:"round,optional"`   // client to server: see "Refusals" in the package comment
}

// History answers a Fetch: events, oldest first. A long answer is several.
type History struct {
	Text []Message `wire:"text"`

	// Extended.
	RoomID    int32 `wire:"room_id,optional"`
	BeforeSeq int64 `wire:"before_seq,optional"` // that of the Fetch
	More      bool  `wire:"more,optional"`       // further frames of this answer follow
	Complete  bool  `wire:"complete,optional"`   // the room has nothing older than what this answer holds
}

// Error refuses something.
type Error struct {
	Code    Code   `wire:"code"`
	Message string `wire:"message"` // one sentence for a person

	// Extended.
	ID      UUID   `wire:"id,optional"`       // of the refused PostMessage or ChangeName; zero when it is about something else
	Retry   bool   `wire:"retry,optional"`    // the same message may be taken later
	RetryMS uint32 `wire:"retry_ms,optional"` // not before so many milliseconds; 0: now
}

// Hello opens the extended form; it must be the first frame.
type Hello struct {
	Client  string `wire:"client"`           // program and version, for the server's logs
	Secret  Secret `wire:"secret,optional"`  // proves who one is: Secret.UUID; zero is refused
	Session UUID   `wire:"session,optional"` // made by the client, one per window; a reconnect repeats it
}

// Limits are what a server takes.
type Limits struct {
	TextBytes    int `wire:"text_bytes"`
	NameBytes    int `wire:"name_bytes"`
	NameClusters int `wire:"name_clusters"`
	FrameBytes   int `wire:"frame_bytes"`
	FetchEntries int `wire:"fetch_entries"`
}

// Welcome answers Hello.
type Welcome struct {
	UUID   UUID   `wire:"uuid"`   // that of the secret
	Server string `wire:"server"` // node name, for people who look for faults
	Limits Limits `wire:"limits"`
}

// Member is somebody who is in a room.
type Member struct {
	UUID     UUID   `wire:"uuid"`
	Username string `wire:"username"`
}

// Joined answers JoinRoom in the extended form. Entries from AfterSeq+1 on
// follow, each once, in order.
type Joined struct {
	RoomID      int32    `wire:"room_id"`
	HeadSeq     int64    `wire:"head_seq"`         // newest entry of the room at this moment; -1: not known, the store is away
	HeadID      UUID     `wire:"head_id,optional"` // its id
	AfterSeq    int64    `wire:"after_seq"`        // the live view starts behind this one
	Reset       bool     `wire:"reset,optional"`   // what the client has is not this room's log: drop it
	Members     []Member `wire:"members"`
	MemberCount int      `wire:"member_count"` // may exceed len(Members) in a large room
	// MembersUnknown: Members and MemberCount say nothing, the store is away.
	MembersUnknown bool   `wire:"members_unknown,optional"`
	HeadTime       uint64 `wire:"head_time,optional"` // unixtime of the newest entry
}

// Accepted says that an entry is in the servers' spool, on a Redis master and at least
// one replica, but not yet stored: doc.go says how much less that is.
type Accepted struct {
	RoomID int32 `wire:"room_id"`
	ID     UUID  `wire:"id"`
}

// Stored says that an entry is durable under this seq.
type Stored struct {
	RoomID int32 `wire:"room_id"`
	ID     UUID  `wire:"id"`
	Seq    int64 `wire:"seq"`
}

// Withdrawn takes a pending entry back: it was never stored and will not be, or it was
// stored so long ago that the client has had it.
type Withdrawn struct {
	RoomID int32 `wire:"room_id"`
	UUID   UUID  `wire:"uuid"` // the author
	ID     UUID  `wire:"id"`
}

// Presence tells the number of members of a room too large for join entries.
type Presence struct {
	RoomID      int32 `wire:"room_id"`
	MemberCount int   `wire:"member_count"`
}

// Reconnect asks the client to open a new connection before it closes this one.
type Reconnect struct {
	WithinMS uint32 `wire:"within_ms"`
	Reset    bool   `wire:"reset,optional"` // what the client has of its room is not that room's log: no after_seq for it
}

// Gap says that entries From to To are left out of the live view; Fetch has them.
type Gap struct {
	RoomID int32 `wire:"room_id"`
	From   int64 `wire:"from"`
	To     int64 `wire:"to"`
	// Of the entry at To: a JoinRoom that names it goes on behind the gap.
	ToID   UUID   `wire:"to_id,optional"`
	ToTime uint64 `wire:"to_time,optional"`
}

// Ping asks the other side to answer with the same N.
type Ping struct {
	N uint32 `wire:"n"`
}

// Pong answers Ping.
type Pong struct {
	N uint32 `wire:"n"`
}

func (JoinRoom) Tag() Tag   { return TagJoinRoom }
func (LeaveRoom) Tag() Tag  { return TagLeaveRoom }
func (ChangeName) Tag() Tag { return TagChangeName }
func (Fetch) Tag() Tag      { return TagFetch }
func (LocalError) Tag() Tag { return TagLocalError }
func (History) Tag() Tag    { return TagHistory }
func (Error) Tag() Tag      { return TagError }
func (Hello) Tag() Tag      { return TagHello }
func (Welcome) Tag() Tag    { return TagWelcome }
func (Joined) Tag() Tag     { return TagJoined }
func (Accepted) Tag() Tag   { return TagAccepted }
func (Stored) Tag() Tag     { return TagStored }
func (Withdrawn) Tag() Tag  { return TagWithdrawn }
func (Presence) Tag() Tag   { return TagPresence }
func (Reconnect) Tag() Tag  { return TagReconnect }
func (Gap) Tag() Tag        { return TagGap }
func (Ping) Tag() Tag       { return TagPing }
func (Pong) Tag() Tag       { return TagPong }

// Tag is the variant that carries this entry's kind.
func (e Entry) Tag() Tag {
	switch e.Kind {
	case KindJoined:
		return TagUserJoined
	case KindLeft:
		return TagUserLeft
	case KindRenamed:
		return TagUsernameChanged
	default:
		return TagPostMessage
	}
}
