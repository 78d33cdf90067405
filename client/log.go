package client

import "tuitalk/talk"

// chunkEntries is how many entries one piece of a Log holds.
const chunkEntries = 64

// Log is a stretch of a room's log without a hole, ascending by seq. Adding at
// either end costs the same however long it is.
type Log struct {
	older pile // what was put in front, the newest first
	newer pile // what was added at the end, the oldest first
	names map[string]string
	bytes int // of text
}

// Len is the number of entries.
func (l *Log) Len() int { return l.older.len() + l.newer.len() }

// At is entry i, 0 the oldest. It is read only, and valid until the session
// handles its next event.
func (l *Log) At(i int) *talk.Entry {
	if n := l.older.len(); i < n {
		return l.older.at(n - 1 - i)
	} else {
		return l.newer.at(i - n)
	}
}

func (l *Log) append(e talk.Entry) {
	l.intern(&e)
	l.bytes += len(e.Text)
	l.newer.push(e)
}

func (l *Log) prepend(e talk.Entry) {
	l.intern(&e)
	l.bytes += len(e.Text)
	l.older.push(e)
}

// intern keeps each name once: most entries are by people who spoke before.
func (l *Log) intern(e *talk.Entry) {
	if l.names == nil {
		l.names = make(map[string]string)
	}
	if name, ok := l.names[e.Name]; ok {
		e.Name = name
	} else {
		l.names[e.Name] = e.Name
	}
}

func (l *Log) reset() { *l = Log{} }

// trim drops the oldest entries when there are too many of them or they have
// too many bytes of text: rather more at once than often.
func (l *Log) trim(most, mostBytes int) bool {
	if l.Len() <= most+most/trimPart && l.bytes <= mostBytes {
		return false
	}
	n := 0
	for l.Len()-n > most || l.bytes > mostBytes-mostBytes/trimPart {
		l.bytes -= len(l.At(n).Text)
		n++
	}
	fromOlder := min(n, l.older.len())
	l.older.dropLast(fromOlder)
	l.newer.dropFirst(n - fromOlder)
	return true
}

// trimPart is which part of a full log is dropped at once.
const trimPart = 8

// pile is a growing sequence that never moves what it holds, except in its
// first, small piece.
type pile struct {
	chunks [][]talk.Entry // each but the last is full
	skip   int            // entries of the first chunk that were dropped
	count  int
}

func (p *pile) len() int { return p.count }

func (p *pile) at(i int) *talk.Entry {
	i += p.skip
	return &p.chunks[i/chunkEntries][i%chunkEntries]
}

func (p *pile) push(e talk.Entry) {
	last := len(p.chunks) - 1
	if last < 0 || len(p.chunks[last]) == chunkEntries {
		var chunk []talk.Entry
		if last >= 0 {
			chunk = make([]talk.Entry, 0, chunkEntries)
		}
		p.chunks = append(p.chunks, chunk)
		last++
	}
	p.chunks[last] = append(p.chunks[last], e)
	p.count++
}

func (p *pile) dropFirst(n int) {
	p.skip += n
	p.count -= n
	if p.count == 0 {
		*p = pile{}
		return
	}
	for p.skip >= chunkEntries {
		p.chunks[0] = nil
		p.chunks = p.chunks[1:]
		p.skip -= chunkEntries
	}
}

func (p *pile) dropLast(n int) {
	p.count -= n
	if p.count == 0 {
		*p = pile{}
		return
	}
	end := p.skip + p.count // entries that stay, counted from the first chunk
	keep := (end + chunkEntries - 1) / chunkEntries
	clear(p.chunks[keep:])
	p.chunks = p.chunks[:keep]
	last := p.chunks[keep-1]
	rest := end - (keep-1)*chunkEntries
	clear(last[rest:])
	p.chunks[keep-1] = last[:rest]
}
