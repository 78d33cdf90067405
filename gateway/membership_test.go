package gateway

import (
	"testing"

	"tuitalk/gateway/transport"
	"tuitalk/history"
	"tuitalk/talk"
)

// TestMemberStates lets what can happen to a member happen in every state.
func TestMemberStates(t *testing.T) {
	t.Parallel()
	for event, happens := range map[memberEvent]func(s *Server, r *room, c *conn){
		memberCatchUp: func(s *Server, _ *room, c *conn) { s.catchUp(c) },
		memberRingFull: func(_ *Server, r *room, c *conn) {
			for c.pushLive(&transport.PreparedFrame{}) {
			}
			r.serveRecent(c)
			r.place(logBehind(nil, 7)[6])
		},
		memberCaughtUp: func(_ *Server, r *room, c *conn) { r.serveRecent(c) },
		memberAtHead: func(_ *Server, r *room, c *conn) {
			c.membership.cursor = r.head
			r.rewindMembers()
		},
		memberBelowHead: func(_ *Server, r *room, _ *conn) { r.rewindMembers() },
		memberMatches:   func(_ *Server, r *room, c *conn) { r.release(&unverifiedMember{c, c.membership.claim, true}) },
		memberDiffers:   func(_ *Server, r *room, _ *conn) { r.reset(history.Room{}, nil) },
	} {
		for state := range memberStates {
			s := bareServer(t)
			r := &room{id: 1, srv: s, state: roomOpen}
			for _, e := range logBehind(nil, 6) {
				r.place(e)
			}
			c := &conn{srv: s}
			r.addMember(c, newUUID(), talk.Extended, 4)
			c.membership.state = state
			if state == memberUnverified {
				c.membership.claim = &history.Head{Seq: 4}
			}
			happens(s, r, c)
			if got, want := c.membership.state, memberSteps[state][event]; got != want {
				t.Errorf("event %d takes a member from state %d to %d, want %d", event, state, got, want)
			}
			if claims := c.membership.claim != nil; claims != (c.membership.state == memberUnverified) {
				t.Errorf("after event %d in state %d: claims %v, in state %d", event, state, claims, c.membership.state)
			}
		}
	}
}

// TestJoinGivesAMemberItsFirstState: it depends on where it goes on, and what is known of that.
func TestJoinGivesAMemberItsFirstState(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		room  func(r *room)
		after int64
		log   logMatch
		form  talk.Form
		want  memberState
	}{
		"at the head":                        {func(*room) {}, 6, logMatches, talk.Extended, memberLive},
		"below the head":                     {func(*room) {}, 4, logMatches, talk.Extended, memberBehind},
		"with another log":                   {func(*room) {}, 4, logDiffers, talk.Extended, memberLive},
		"nobody knows":                       {func(*room) {}, 6, logDoubtful, talk.Extended, memberUnverified},
		"unverified room":                    {func(r *room) { r.state = roomUnverified }, 6, logMatches, talk.Extended, memberUnverified},
		"unverified room, an original's":     {func(r *room) { r.state = roomUnverified }, 0, logDiffers, talk.JSON, memberLive},
		"headless room":                      {func(r *room) { r.state, r.head = roomHeadless, 0 }, 0, logDiffers, talk.Extended, memberHeadless},
		"headless room, an original's":       {func(r *room) { r.state, r.head = roomHeadless, 0 }, 0, logDiffers, talk.JSON, memberHeadless},
		"headless room, with a log to go on": {func(r *room) { r.state, r.head = roomHeadless, 0 }, 6, logDoubtful, talk.Extended, memberUnverified},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := bareServer(t)
			r := &room{id: 1, srv: s, state: roomOpen}
			for _, e := range logBehind(nil, 6) {
				r.place(e)
			}
			tc.room(r)
			j := &join{conn: &conn{srv: s}, room: r, log: tc.log, m: talk.JoinRoom{RoomID: 1, Resume: tc.after > 0, AfterSeq: tc.after}}
			behind := j.addMember(tc.form, history.Moved{})
			if got := j.conn.membership.state; got != tc.want || behind != (tc.want == memberBehind) {
				t.Errorf("it begins in state %d, want %d; behind %v", got, tc.want, behind)
			}
		})
	}
}
