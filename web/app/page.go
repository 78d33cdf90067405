package app

// Elements of web/static/index.html that the client changes.
const (
	refLog Ref = 1 + iota
	refOlder
	refRoom
	refLine
	refLineText
	refPeople
	refPeopleCount
	refMembers
	refMemberList
	refVeil
	refNotices
	refAsk
	refAskLabel
	refAskInput
	refOffers
	refMeName
	refInput
	refSend
	refCount
	refJump
	refRise
	refAnnounce

	firstFree // the first number for what the client makes itself
)

var elements = [firstFree]string{
	refLog: "log", refOlder: "older", refRoom: "room", refLine: "line", refLineText: "line-text",
	refPeople: "people", refPeopleCount: "people-count", refMembers: "members", refMemberList: "member-list",
	refVeil: "veil", refNotices: "notices", refAsk: "ask", refAskLabel: "ask-label", refAskInput: "ask-input",
	refOffers: "offers", refMeName: "me-name", refInput: "input", refSend: "send", refCount: "count",
	refJump: "jump", refRise: "rise", refAnnounce: "announce",
}

// refs gives out numbers for rows, those that came back first.
type refs struct {
	next Ref
	free []Ref
}

func (r *refs) take() Ref {
	if n := len(r.free); n > 0 {
		ref := r.free[n-1]
		r.free = r.free[:n-1]
		return ref
	}
	r.next++
	return r.next - 1
}

func (r *refs) give(ref Ref) { r.free = append(r.free, ref) }
