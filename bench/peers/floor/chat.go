package floor

import (
	"bytes"
	"strconv"

	"tuitalk/talk"
)

// frame does what a client's frame asks for.
func (s *Server) frame(c *conn, opcode byte, payload []byte) {
	switch opcode {
	case opText:
		s.message(c, payload)
	case opPing:
		s.send(c, s.finish(opPong, append(s.begin(), payload...)))
	case opClose:
		s.send(c, s.finish(opClose, append(s.begin(), payload...)))
		s.end(c)
	case opPong:
	default:
		s.end(c)
	}
}

func (s *Server) message(c *conn, m []byte) {
	switch {
	case has(m, `{"PostMessage":`):
		s.post(c, m)
	case has(m, `{"Ping":{"n":`):
		out := append(s.begin(), `{"Pong":{"n":`...)
		s.send(c, s.finish(opText, append(out, m[len(`{"Ping":{"n":`):]...)))
	case has(m, `{"JoinRoom":{"room_id":`):
		s.join(c, number(m, `"room_id":`))
	case has(m, `{"LeaveRoom":`):
		s.leave(c)
	case has(m, `{"Hello":`):
		s.welcome(c, m)
	}
}

func has(m []byte, prefix string) bool {
	return len(m) >= len(prefix) && string(m[:len(prefix)]) == prefix
}

// after returns m behind the first key. A key has quotes, which in a text are
// escaped, so that it is not found there.
func after(m []byte, key string) []byte {
	_, rest, _ := bytes.Cut(m, []byte(key))
	return rest
}

func number(m []byte, key string) int32 {
	rest := after(m, key)
	end := 0
	for end < len(rest) && (rest[end] == '-' || rest[end] >= '0' && rest[end] <= '9') {
		end++
	}
	n, err := strconv.ParseInt(string(rest[:end]), 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}

// uuid returns the 36 characters behind a key, nil if there are fewer.
func uuid(m []byte, key string) []byte {
	if rest := after(m, key); len(rest) >= 36 {
		return rest[:36]
	}
	return nil
}

// post sends the entry to all members of the author's room and tells the author
// that it is stored, which it is not.
func (s *Server) post(c *conn, m []byte) {
	r, id := c.room, uuid(m, `"id":"`)
	said, _, ok := bytes.Cut(m, []byte(`,"unixtime":`)) // uuid, name, text and room, as they are
	if r == nil || id == nil || !ok {
		return
	}
	r.seq++
	out := append(s.begin(), said...)
	out = strconv.AppendUint(append(out, `,"unixtime":`...), s.now, 10)
	out = append(append(out, `,"id":"`...), id...)
	out = strconv.AppendInt(append(out, `","seq":`...), r.seq, 10)
	entry := s.finish(opText, append(out, `}}}`...))
	for _, member := range r.members {
		s.send(member, entry)
	}
	out = strconv.AppendInt(append(s.begin(), `{"Stored":{"room_id":`...), int64(r.id), 10)
	out = append(append(out, `,"id":"`...), id...)
	out = strconv.AppendInt(append(out, `","seq":`...), r.seq, 10)
	s.send(c, s.finish(opText, append(out, `}}`...)))
}

func (s *Server) join(c *conn, id int32) {
	s.leave(c)
	r := s.rooms[id]
	if r == nil {
		r = &room{id: id}
		s.rooms[id] = r
	}
	c.room, c.at = r, len(r.members)
	r.members = append(r.members, c)
	out := strconv.AppendInt(append(s.begin(), `{"Joined":{"room_id":`...), int64(id), 10)
	out = strconv.AppendInt(append(out, `,"head_seq":`...), r.seq, 10)
	out = strconv.AppendInt(append(out, `,"after_seq":`...), r.seq, 10)
	out = strconv.AppendInt(append(out, `,"members":[],"member_count":`...), int64(len(r.members)), 10)
	s.send(c, s.finish(opText, append(out, `}}`...)))
}

func (s *Server) leave(c *conn) {
	r := c.room
	if r == nil {
		return
	}
	last := len(r.members) - 1
	moved := r.members[last]
	r.members[c.at], moved.at = moved, c.at
	r.members[last] = nil
	r.members, c.room = r.members[:last], nil
}

// welcome answers Hello with the uuid of its secret.
func (s *Server) welcome(c *conn, m []byte) {
	hello, err := talk.Decode(talk.JSON, m)
	h, ok := hello.(talk.Hello)
	if err != nil || !ok {
		s.end(c)
		return
	}
	out := append(append(s.begin(), `{"Welcome":{"uuid":"`...), h.Secret.UUID().String()...)
	out = append(out, `","server":"floor","limits":{"text_bytes":4000,"name_bytes":64,`...)
	out = append(out, `"name_clusters":32,"frame_bytes":65535,"fetch_entries":500}}}`...)
	s.send(c, s.finish(opText, out))
}
