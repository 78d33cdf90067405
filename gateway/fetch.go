package gateway

import (
	"context"

	"tuitalk/talk"
)

// historyBytes is about how large one History frame gets.
const historyBytes = 48 << 10

// fetch answers with older entries. One is answered at a time.
func (c *conn) fetch(m talk.Fetch) talk.Error {
	u := &c.user
	if u.uuid.IsZero() {
		return c.refusal(m, talk.CodeNotJoined, "say who you are before you ask for history")
	}
	if m.Limit < 1 || m.Limit > talk.MaxFetch {
		return c.refusal(m, talk.CodeBadLimit, "a fetch takes 1 to 500 entries")
	}
	form := u.form
	ok := c.later(c.srv.work.history, func(ctx context.Context) {
		entries, complete, err := c.readBack(ctx, form, m)
		if err != nil {
			c.srv.log.Warn("a fetch failed", "room", m.RoomID, "err", err)
			c.refuse(fetchFailed(talk.CodeUnavailable, "older history is not available now"))
		} else {
			c.sendHistory(form, m, entries, complete)
		}
		c.fetched()
	}, func() {
		c.refuse(fetchFailed(talk.CodeBusy, fetchBusy))
		c.fetched()
	})
	if !ok {
		return fetchFailed(talk.CodeBusy, fetchBusy)
	}
	u.fetching = true
	return talk.Error{}
}

const fetchBusy = "many ask for older history, try again in a moment"

func fetchFailed(code talk.Code, sentence string) talk.Error {
	return talk.Error{Code: code, Message: sentence, Retry: true, RetryMS: retryBusyMS}
}

// fetched lets the next Fetch through.
func (c *conn) fetched() {
	c.locked(func(u *user) { u.fetching = false })
	c.goOn()
}

func (c *conn) readBack(ctx context.Context, form talk.Form, m talk.Fetch) (entries []talk.Entry, complete bool, err error) {
	if form == talk.Extended && m.BeforeSeq > 0 {
		return c.srv.store.Before(ctx, m.RoomID, m.BeforeSeq, int(m.Limit))
	}
	return c.srv.store.BeforeTime(ctx, m.RoomID, m.FetchBefore, int(m.Limit))
}

// sendHistory cuts an answer into frames of a bearable size, oldest first.
func (c *conn) sendHistory(form talk.Form, m talk.Fetch, entries []talk.Entry, complete bool) {
	for first := true; first || len(entries) > 0; first = false {
		n, size := 0, 0
		for n < len(entries) && (n == 0 || size < historyBytes) {
			size += len(entries[n].Text) + len(entries[n].Name) + 200
			n++
		}
		h := talk.History{Text: make([]talk.Message, n)}
		for i, e := range entries[:n] {
			h.Text[i] = e
		}
		entries = entries[n:]
		if form == talk.Extended {
			h.RoomID, h.BeforeSeq = m.RoomID, m.BeforeSeq
			h.More, h.Complete = len(entries) > 0, complete
		}
		if !c.answerIn(form, h) {
			return
		}
	}
}
