package checker

// ofAnswers are mutations of what servers answer.
var ofAnswers = []mutation{
	{"a join is not answered", NeverAnswered, nil, unanswered(func(m *mutator, i int) bool { return !m.Events[i].Flag }, nil)},
	{"a fetch is not answered", NeverAnswered, nil, unanswered(func(m *mutator, i int) bool { return m.Events[i].Flag }, nil)},
	{"a join is answered for another room", NeverAnswered, nil, unanswered(func(m *mutator, i int) bool { return !m.Events[i].Flag },
		func(e *Event) { e.Room++ })},
	{"a join is answered over another connection", NeverAnswered, nil, unanswered(func(m *mutator, i int) bool { return !m.Events[i].Flag },
		func(e *Event) { e.Seq += 1000 })},
	{"a join is answered with history", NeverAnswered, nil, unanswered(func(m *mutator, i int) bool { return !m.Events[i].Flag },
		func(e *Event) { e.Flag = true })},
}

// unanswered takes an answer out, or changes it, that came over a connection which is
// good to the end, and long enough before it.
func unanswered(fit func(m *mutator, i int) bool, change func(*Event)) func(*mutator, Kind) (Violation, bool) {
	return func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool { return e.Verb == Answered && fit(m, i) && m.goodToTheEnd(i) })
		if i < 0 {
			return Violation{}, false
		}
		want := m.about(i, k)
		want.Seq = 0 // it is about no entry
		if change != nil {
			change(&m.Events[i])
		} else {
			m.remove(i)
		}
		return want, true
	}
}

// goodToTheEnd tells that the connection of event i is not dropped before its client
// has ended, nor anything asked anew, and that this is long after.
func (m *mutator) goodToTheEnd(i int) bool {
	e := m.Events[i]
	for k := m.next(i); k >= 0; k = m.next(k) {
		switch f := &m.Events[k]; {
		case f.Verb == Dropped && f.Seq == e.Seq, f.Verb == Attached,
			f.Verb == Answered && f.Seq == e.Seq && f.Room == e.Room && f.Flag == e.Flag:
			return false
		case f.Verb == Ended:
			return f.At-e.At > 16*second
		}
	}
	return false
}
