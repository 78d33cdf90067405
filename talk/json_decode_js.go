package talk

import "unicode/utf8"

func decodeJSON(data []byte) (Message, error) {
	if !utf8.Valid(data) {
		return nil, ErrNotUTF8
	}
	r := jsonReader{data: data}
	m := r.message()
	if r.err == nil && (r.peek() != 0 || r.at < len(data)) {
		r.fail(ErrSyntax)
	}
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

// message reads {"Variant":{…}}.
func (r *jsonReader) message() Message {
	if r.peek() != '{' {
		r.failType()
		return nil
	}
	r.at++
	tag := findVariant(r.key())
	if r.err != nil {
		return nil
	}
	if tag < 0 {
		r.fail(ErrUnknownVariant)
		return nil
	}
	r.nested++
	r.need(':')
	m := r.variant(Tag(tag))
	r.need('}')
	r.nested--
	if r.err != nil {
		r.err = within(jsonVariants[tag].name, r.err)
	}
	return m
}

func findVariant(name []byte) int {
	for i := range jsonVariants {
		if string(name) == jsonVariants[i].name {
			return i
		}
	}
	return -1
}

func (r *jsonReader) variant(tag Tag) Message {
	s := &jsonVariants[tag].shape
	switch tag {
	case TagPostMessage:
		e := Entry{Kind: KindPosted}
		r.postMessage(s, &e)
		return e
	case TagUserJoined:
		e := Entry{Kind: KindJoined}
		r.entry(s, &e)
		return e
	case TagUserLeft:
		e := Entry{Kind: KindLeft}
		r.entry(s, &e)
		return e
	case TagUsernameChanged:
		e := Entry{Kind: KindRenamed}
		r.entry(s, &e)
		return e
	case TagJoinRoom:
		return r.joinRoom(s)
	case TagLeaveRoom:
		return r.leaveRoom(s)
	case TagChangeName:
		return r.changeName(s)
	case TagFetch:
		return r.fetch(s)
	case TagLocalError:
		return r.localError(s)
	case TagHistory:
		return r.history(s)
	case TagError:
		return r.error(s)
	default:
		return r.extended(tag, s)
	}
}

// extended reads the variants that the original does not have.
func (r *jsonReader) extended(tag Tag, s *shape) Message {
	switch tag {
	case TagHello:
		return r.hello(s)
	case TagWelcome:
		return r.welcome(s)
	case TagJoined:
		return r.joined(s)
	case TagReconnect:
		return Reconnect{r.single(s)}
	case TagPing:
		return Ping{r.single(s)}
	case TagPong:
		return Pong{r.single(s)}
	}
	f := r.notice(s)
	switch tag {
	case TagAccepted:
		return Accepted{RoomID: f.room, ID: f.id}
	case TagStored:
		return Stored{RoomID: f.room, ID: f.id, Seq: f.seq}
	case TagWithdrawn:
		return Withdrawn{RoomID: f.room, UUID: f.uuid, ID: f.id}
	case TagPresence:
		return Presence{RoomID: f.room, MemberCount: f.members}
	default:
		return Gap{RoomID: f.room, From: f.from, To: f.to}
	}
}

func (r *jsonReader) postMessage(s *shape, e *Entry) {
	o := r.object(s)
	for r.field(&o) {
		r.entry(&postShape, e)
	}
}

// entry reads what the variants of an Entry have.
func (r *jsonReader) entry(s *shape, e *Entry) {
	o := r.object(s)
	for r.field(&o) {
		switch o.name() {
		case "uuid":
			e.Author = r.uuid()
		case "username":
			e.Name = r.string()
		case "text", "old_username":
			e.Text = r.string()
		case "room_id":
			e.RoomID = r.int32()
		case "unixtime":
			e.UnixTime = r.uint64()
		case "id":
			e.ID = r.uuid()
		case "seq":
			e.Seq = r.int64()
		case "sent_at":
			e.SentAt = r.uint64()
		case "pending":
			e.Pending = r.bool()
		case "round":
			e.Round = r.int32()
		}
	}
}

func (r *jsonReader) joinRoom(s *shape) (m JoinRoom) {
	o := r.object(s)
	for r.field(&o) {
		switch o.name() {
		case "room_id":
			m.RoomID = r.int32()
		case "uuid":
			m.UUID = r.uuid()
		case "username":
			m.Username = r.string()
		case "unixtime":
			m.UnixTime = r.uint64()
		case "after_seq":
			m.Resume, m.AfterSeq = true, r.int64()
		case "after_id":
			m.AfterID = r.uuid()
		}
	}
	if !m.Resume {
		m.AfterID = UUID{} // says nothing without after_seq
	}
	return m
}

func (r *jsonReader) leaveRoom(s *shape) (m LeaveRoom) {
	o := r.object(s)
	for r.field(&o) {
		switch o.name() {
		case "room_id":
			m.RoomID = r.int32()
		case "uuid":
			m.UUID = r.uuid()
		case "username":
			m.Username = r.string()
		case "unixtime":
			m.UnixTime = r.uint64()
		}
	}
	return m
}

func (r *jsonReader) changeName(s *shape) (m ChangeName) {
	o := r.object(s)
	for r.field(&o) {
		switch o.name() {
		case "uuid":
			m.UUID = r.uuid()
		case "username":
			m.Username = r.string()
		case "old_username":
			m.OldUsername = r.string()
		case "unixtime":
			m.UnixTime = r.uint64()
		case "id":
			m.ID = r.uuid()
		}
	}
	return m
}

func (r *jsonReader) fetch(s *shape) (m Fetch) {
	o := r.object(s)
	for r.field(&o) {
		switch o.name() {
		case "room_id":
			m.RoomID = r.int32()
		case "limit":
			m.Limit = r.int64()
		case "fetch_before":
			m.FetchBefore = r.uint64()
		case "before_seq":
			m.BeforeSeq = r.int64()
		}
	}
	return m
}

func (r *jsonReader) localError(s *shape) (m LocalError) {
	o := r.object(s)
	for r.field(&o) {
		m.Message = r.string()
	}
	return m
}

func (r *jsonReader) error(s *shape) (m Error) {
	o := r.object(s)
	for r.field(&o) {
		switch o.name() {
		case "code":
			m.Code = Code(r.string())
		case "message":
			m.Message = r.string()
		case "id":
			m.ID = r.uuid()
		case "retry":
			m.Retry = r.bool()
		case "retry_ms":
			m.RetryMS = r.uint32()
		}
	}
	return m
}

func (r *jsonReader) history(s *shape) (m History) {
	o := r.object(s)
	for r.field(&o) {
		switch o.name() {
		case "text":
			m.Text = r.events()
		case "room_id":
			m.RoomID = r.int32()
		case "before_seq":
			m.BeforeSeq = r.int64()
		case "more":
			m.More = r.bool()
		case "complete":
			m.Complete = r.bool()
		}
	}
	return m
}

// events reads the array of a History.
func (r *jsonReader) events() (events []Message) {
	for more := r.array(); more; more = r.element() {
		if r.nested > 1 { // a History within a History
			r.fail(ErrWrongType)
			return nil
		}
		m := r.message()
		if r.err == nil && !inHistory(m) {
			r.fail(ErrWrongType)
		}
		events = append(events, m)
	}
	return events
}
