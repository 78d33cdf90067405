package virtualuser

import (
	"time"

	json "github.com/goccy/go-json"

	"tuitalk/talk"
)

// centrifugeReply answers a command.
type centrifugeReply struct {
	ID      uint32 `json:"id"`
	Connect *struct {
		Node string `json:"node"`
	} `json:"connect"`
	Subscribe *centrifugeSubscribed `json:"subscribe"`
	Publish   *struct{}             `json:"publish"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error"`
}

type centrifugeSubscribed struct {
	Recoverable  bool   `json:"recoverable"`
	Recovered    bool   `json:"recovered"`
	Epoch        string `json:"epoch"`
	Offset       int64  `json:"offset"`
	Publications []struct {
		Data struct {
			Text string `json:"text"`
		} `json:"data"`
		Offset int64 `json:"offset"`
	} `json:"publications"`
}

func (c *centrifuge) reply(reply []byte) {
	var r centrifugeReply
	if err := json.Unmarshal(reply, &r); err != nil {
		c.p.loop.fault("a frame cannot be read: " + err.Error())
		return
	}
	switch {
	case r.Error != nil:
		c.p.loop.fault("the server refuses: " + r.Error.Message)
		c.answered(r.ID, false)
	case r.Connect != nil:
		c.p.serves("centrifuge")
		c.subscribe()
	case r.Subscribe != nil:
		c.subscribed(r.Subscribe)
	case r.Publish != nil:
		c.answered(r.ID, true)
	}
}

func (c *centrifuge) subscribed(m *centrifugeSubscribed) {
	anew := !m.Recovered
	c.joined, c.deadline = true, time.Time{}
	c.p.wakeAt(c.deadline)
	head := talk.Joined{RoomID: c.p.room, AfterSeq: m.Offset, HeadSeq: m.Offset}
	if c.epoch = ""; m.Recoverable {
		c.epoch = m.Epoch
	}
	c.p.joins(c.line, &head, anew)
	for i := range m.Publications {
		if pub := &m.Publications[i]; pub.Offset > c.p.last {
			c.shows(pub.Offset, []byte(pub.Data.Text))
		}
	}
	c.pump()
}

// answered settles what was published with a command.
func (c *centrifuge) answered(command uint32, stored bool) {
	for i, post := range c.flying {
		if post.command != command {
			continue
		}
		c.flying = append(c.flying[:i], c.flying[i+1:]...)
		if stored {
			c.p.loop.stored(post.id)
		} else {
			c.p.refused(post.id)
		}
		c.moveOn()
		return
	}
}
