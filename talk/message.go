package talk

// Message is one frame of the protocol: one of the concrete types of this
// file, always by value.
type Message interface{ Tag() Tag }

// Tag names a variant of the enum. Tags 0 to 10 are the original's and are the
// variant numbers of the bincode form; the others exist in JSON only.
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
)

// JoinRoom enters a room and leaves the one the connection was in.
type JoinRoom struct {
	RoomID   int32
	UUID     UUID
	Username string
	UnixTime uint64 // seconds; ignored by the server

	// Extended: the last seq that the client has, with the id of that entry.
	// The entries after it follow. Without Resume the live view starts at the
	// head of the room.
	Resume   bool // after_seq is present
	AfterSeq int64
	AfterID  UUID
}

// LeaveRoom leaves a room for good: no grace.
type LeaveRoom struct {
	RoomID   int32
	UUID     UUID
	Username string
	UnixTime uint64
}

// ChangeName asks for another name.
type ChangeName struct {
	UUID        UUID
	Username    string
	OldUsername string
	UnixTime    uint64

	// Extended: made by the client, the same for every resend; the
	// UsernameChanged that comes of it carries it.
	ID UUID
}

// Fetch asks for older entries: the newest Limit of those before FetchBefore
// (whole seconds) or, in the extended form, before BeforeSeq.
type Fetch struct {
	RoomID      int32
	Limit       int64
	FetchBefore uint64 // unix seconds, exclusive
	BeforeSeq   int64  // extended; exclusive; 0 when absent
}

// LocalError never travels; it is part of the original's enum.
type LocalError struct{ Message string }

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
	RoomID   int32  // not part of the original's UsernameChanged
	Author   UUID   // "uuid" on the wire
	Name     string // "username"; after a rename the new one
	Text     string // KindPosted: the text; KindRenamed: the old name
	UnixTime uint64 // seconds; set by the store, never runs back along Seq

	// Extended.
	ID      UUID   // made by the sending client; the same for every resend
	Seq     int64  // 1, 2, 3 … per room; 0 while it is not stored
	SentAt  uint64 // unix seconds when it was accepted; 0 unless it waited in the spool
	Pending bool   // accepted, not yet stored; has no Seq
	Round   int32  // client to server: see "Refusals" in the package comment
}

// History answers a Fetch: events, oldest first. A long answer is several.
type History struct {
	Text []Message

	// Extended.
	RoomID    int32
	BeforeSeq int64 // that of the Fetch
	More      bool  // further frames of this answer follow
	Complete  bool  // the room has nothing older than what this answer holds
}

// Error refuses something.
type Error struct {
	Code    Code
	Message string // one sentence for a person

	// Extended.
	ID      UUID   // of the refused PostMessage or ChangeName; zero when it is about something else
	Retry   bool   // the same message may be taken later
	RetryMS uint32 // not before so many milliseconds; 0: now
}

// Hello opens the extended form; it must be the first frame.
type Hello struct {
	Client  string // program and version, for the server's logs
	Secret  Secret // proves who one is: Secret.UUID; zero is refused
	Session UUID   // made by the client, one per window; a reconnect repeats it
}

// Limits are what a server takes.
type Limits struct {
	TextBytes    int
	NameBytes    int
	NameClusters int
	FrameBytes   int
	FetchEntries int
}

// Welcome answers Hello.
type Welcome struct {
	UUID   UUID   // that of the secret
	Server string // node name, for people who look for faults
	Limits Limits
}

// Member is somebody who is in a room.
type Member struct {
	UUID     UUID
	Username string
}

// Joined answers JoinRoom in the extended form. Entries from AfterSeq+1 on
// follow, each once, in order.
type Joined struct {
	RoomID      int32
	HeadSeq     int64 // newest entry of the room at this moment; -1: not known, the store is away
	HeadID      UUID  // its id
	AfterSeq    int64 // the live view starts behind this one
	Reset       bool  // what the client has is not this room's log: drop it
	Members     []Member
	MemberCount int // may exceed len(Members) in a large room
}

// Accepted says that an entry is safe in the spool, but not yet stored.
type Accepted struct {
	RoomID int32
	ID     UUID
}

// Stored says that an entry is durable under this seq.
type Stored struct {
	RoomID int32
	ID     UUID
	Seq    int64
}

// Withdrawn takes a pending entry back: it was never stored and will not be.
type Withdrawn struct {
	RoomID int32
	UUID   UUID // the author
	ID     UUID
}

// Presence tells the number of members of a room too large for join entries.
type Presence struct {
	RoomID      int32
	MemberCount int
}

// Reconnect asks the client to open a new connection before it closes this one.
type Reconnect struct{ WithinMS uint32 }

// Gap says that entries From to To are left out of the live view; Fetch has them.
type Gap struct {
	RoomID int32
	From   int64
	To     int64
}

// Ping asks the other side to answer with the same N.
type Ping struct{ N uint32 }

// Pong answers Ping.
type Pong struct{ N uint32 }

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
