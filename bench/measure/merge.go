package measure

import "maps"

// Add adds what another worker saw in the same time.
func (s *Sample) Add(o *Sample) {
	if s.At == 0 || o.At != 0 && o.At < s.At {
		s.At = o.At
	}
	s.happened(o)
	s.Open += o.Open
	s.Inside += o.Inside
	s.Nodes = sum(s.Nodes, o.Nodes)
	s.Self.add(o.Self)
}

// Follow adds what was seen in the time after: what happened is added up, and
// things stand as they stood at its end. Of the generator itself the worst is
// kept.
func (s *Sample) Follow(o *Sample) {
	if s.At == 0 {
		s.At = o.At
	}
	s.happened(o)
	s.Open, s.Inside, s.Nodes = o.Open, o.Inside, maps.Clone(o.Nodes)
	s.Self.CPU = max(s.Self.CPU, o.Self.CPU)
	s.Self.Busy = max(s.Self.Busy, o.Self.Busy)
	s.Self.RSS = max(s.Self.RSS, o.Self.RSS)
	s.Self.mostFiles(o.Self)
}

func (s *Sample) happened(o *Sample) {
	s.Counts.add(&o.Counts)
	s.Latency.Add(&o.Latency)
	s.Service.Add(&o.Service)
	s.Stored.Add(&o.Stored)
	s.Late.Add(&o.Late)
	s.Joined.Add(&o.Joined)
}

func (c *Counts) add(o *Counts) {
	c.Intended += o.Intended
	c.Posted += o.Posted
	c.Stored += o.Stored
	c.Accepted += o.Accepted
	c.Refused += o.Refused
	c.Delivered += o.Delivered
	c.BytesIn += o.BytesIn
	c.BytesOut += o.BytesOut
	c.Dialled += o.Dialled
	c.Joins += o.Joins
	c.Lost += o.Lost
	c.Fetched += o.Fetched
	c.Errors = sum(c.Errors, o.Errors)
}

func (s *Self) add(o Self) {
	s.CPU += o.CPU
	s.Busy = max(s.Busy, o.Busy)
	s.RSS += o.RSS
	s.mostFiles(o)
}

// mostFiles keeps the files of the process that is nearest to its limit.
func (s *Self) mostFiles(o Self) {
	if s.MaxOpen == 0 || o.MaxOpen > 0 && float64(o.Files)/float64(o.MaxOpen) > float64(s.Files)/float64(s.MaxOpen) {
		s.Files, s.MaxOpen = o.Files, o.MaxOpen
	}
}

// sum adds counts by name. What it returns is a's, or a new map.
func sum[N int | int64](a, b map[string]N) map[string]N {
	if len(b) == 0 {
		return a
	}
	if a == nil {
		a = make(map[string]N, len(b))
	}
	for name, n := range b {
		a[name] += n
	}
	return a
}
