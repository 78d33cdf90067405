package checker

import "slices"

// ofAnswers are mutations of what servers answer.
var ofAnswers = []mutation{
	{"a join is not answered", NeverAnswered, nil, unanswered(false, nil)},
	{"a fetch is not answered", NeverAnswered, nil, unanswered(true, nil)},
	{"another question is answered instead", NeverAnswered, nil, unanswered(false, func(e *Event) { e.Seq += 1 << 30 })},
}

// unanswered takes the answer to a join or a fetch out, or changes it, long enough
// before the end of a client.
func unanswered(fetch bool, change func(*Event)) func(*mutator, Kind) (Violation, bool) {
	return func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool { return e.Verb == Asked && e.Flag == fetch && m.lastsOn(i) })
		if i < 0 {
			return Violation{}, false
		}
		want := m.about(i, k)
		want.Seq = 0 // it is about no entry
		answer := m.answerTo(i)
		if change != nil {
			change(&m.Events[answer])
		} else {
			m.remove(answer)
		}
		return want, true
	}
}

// answerTo finds the answer to question i; -1 if there is none.
func (m *mutator) answerTo(i int) int {
	return slices.IndexFunc(m.Events, func(e Event) bool {
		return e.Verb == Answered && e.Client == m.Events[i].Client && e.Seq == m.Events[i].Seq
	})
}

// lastsOn tells that question i is answered, and that its client's program goes on
// long after.
func (m *mutator) lastsOn(i int) bool {
	for k := m.next(i); k >= 0; k = m.next(k) {
		switch m.Events[k].Verb {
		case Attached, Killed:
			return false
		case Ended:
			return m.answerTo(i) >= 0 && m.Events[k].At-m.Events[i].At > 16*second
		}
	}
	return false
}
