package app

import (
	"time"

	"tuitalk/client/view"
	"tuitalk/talk"
)

// announceEvery is the least time between two sentences for a screen reader; what
// comes in between is summed up.
const announceEvery = 3 * time.Second

// maxAnnounced is how many bytes of a message are read out.
const maxAnnounced = 240

// announcer tells a screen reader of new messages, politely.
type announcer struct {
	count int    // messages since the last sentence
	name  string // of the last one's author
	text  string
	last  time.Time // of the last sentence
	at    time.Time // of the next one; zero: nothing is to be said
	words string    // what the page says
}

// add takes note of messages that came, and of the last of them.
func (s *announcer) add(now time.Time, count int, name, text string) {
	s.count += count
	s.name, s.text = name, text
	if s.at.IsZero() {
		s.at = now
		if again := s.last.Add(announceEvery); again.After(now) {
			s.at = again
		}
	}
}

// forget leaves unsaid what belongs to another room.
func (s *announcer) forget() { *s = announcer{last: s.last} }

func (s *announcer) next() time.Time { return s.at }

// due makes the sentence when its time has come.
func (s *announcer) due(now time.Time) bool {
	if s.at.IsZero() || now.Before(s.at) {
		return false
	}
	s.words = s.name + ": " + shorten(talk.CleanText(s.text), maxAnnounced)
	if s.count > 1 {
		s.words = view.Plural(s.count, "new message", "new messages") + ", the last from " + s.name
	}
	s.count, s.last, s.at = 0, now, time.Time{}
	return true
}

// shorten cuts a text after at most that many bytes.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	cut := 0
	for i := range s {
		if i > most {
			break
		}
		cut = i
	}
	return s[:cut] + " …"
}
