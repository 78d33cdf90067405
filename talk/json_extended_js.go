package talk

func (r *jsonReader) hello(s *shape) (m Hello) {
	o := r.object(s)
	for r.field(&o) {
		switch o.name() {
		case "client":
			m.Client = r.string()
		case "secret":
			m.Secret = r.secret()
		case "session":
			m.Session = r.uuid()
		}
	}
	return m
}

func (r *jsonReader) welcome(s *shape) (m Welcome) {
	o := r.object(s)
	for r.field(&o) {
		switch o.name() {
		case "uuid":
			m.UUID = r.uuid()
		case "server":
			m.Server = r.string()
		case "limits":
			m.Limits = r.limits()
		}
	}
	return m
}

func (r *jsonReader) limits() (l Limits) {
	o := r.object(&limitsShape)
	for r.field(&o) {
		switch o.name() {
		case "text_bytes":
			l.TextBytes = r.count()
		case "name_bytes":
			l.NameBytes = r.count()
		case "name_clusters":
			l.NameClusters = r.count()
		case "frame_bytes":
			l.FrameBytes = r.count()
		case "fetch_entries":
			l.FetchEntries = r.count()
		}
	}
	return l
}

func (r *jsonReader) joined(s *shape) (m Joined) {
	o := r.object(s)
	for r.field(&o) {
		switch o.name() {
		case "room_id":
			m.RoomID = r.int32()
		case "head_seq":
			m.HeadSeq = r.int64()
		case "after_seq":
			m.AfterSeq = r.int64()
		case "members":
			m.Members = r.members()
		case "member_count":
			m.MemberCount = r.count()
		case "head_id":
			m.HeadID = r.uuid()
		case "reset":
			m.Reset = r.bool()
		}
	}
	return m
}

func (r *jsonReader) members() (members []Member) {
	for more := r.array(); more; more = r.element() {
		var m Member
		o := r.object(&memberShape)
		for r.field(&o) {
			switch o.name() {
			case "uuid":
				m.UUID = r.uuid()
			case "username":
				m.Username = r.string()
			}
		}
		members = append(members, m)
	}
	return members
}

// notice is the fields of the small variants that tell of an entry or a room.
type notice struct {
	room          int32
	uuid, id      UUID
	seq, from, to int64
	members       int
}

func (r *jsonReader) notice(s *shape) (f notice) {
	o := r.object(s)
	for r.field(&o) {
		switch o.name() {
		case "room_id":
			f.room = r.int32()
		case "uuid":
			f.uuid = r.uuid()
		case "id":
			f.id = r.uuid()
		case "seq":
			f.seq = r.int64()
		case "from":
			f.from = r.int64()
		case "to":
			f.to = r.int64()
		case "member_count":
			f.members = r.count()
		}
	}
	return f
}

// single reads an object whose only field is a u32.
func (r *jsonReader) single(s *shape) (v uint32) {
	o := r.object(s)
	for r.field(&o) {
		v = r.uint32()
	}
	return v
}
