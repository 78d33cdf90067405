package gateway

// What a session has become are two machines that know nothing of each other: which of its
// requests is under way, and where the store has it. docs/states.md draws both.

// asyncState is which request of a session is under way, so that what comes waits.
type asyncState uint8

const (
	asyncIdle      asyncState = iota // none
	asyncJoining                     // it comes to a room, or to its room again
	asyncSwitching                   // it has asked for another room than its own, and is not told yet
	asyncRenaming
	asyncClosed // its connection is closed
	asyncStates
)

// asyncEvent is what happens to the requests of a session.
type asyncEvent uint8

const (
	asyncJoin   asyncEvent = iota // JoinRoom
	asyncSwitch                   // JoinRoom of another room than its own
	asyncRename                   // ChangeName
	asyncDone                     // it is told how that went, or need not wait for it
	asyncClose                    // its connection is closed
	asyncEvents
)

// asyncSteps is where an event takes the requests of a session. A state that stands in its
// own row ignores the event.
var asyncSteps = [asyncStates][asyncEvents]asyncState{
	asyncIdle:      {asyncJoining, asyncSwitching, asyncRenaming, asyncIdle, asyncClosed},
	asyncJoining:   {asyncJoining, asyncJoining, asyncJoining, asyncIdle, asyncClosed},
	asyncSwitching: {asyncSwitching, asyncSwitching, asyncSwitching, asyncIdle, asyncClosed},
	asyncRenaming:  {asyncRenaming, asyncRenaming, asyncRenaming, asyncIdle, asyncClosed},
	asyncClosed:    {asyncClosed, asyncClosed, asyncClosed, asyncClosed, asyncClosed},
}

// on takes it to its next state.
func (s *asyncState) on(e asyncEvent) { *s = asyncSteps[*s][e] }

// placeState is where the store has a session. It has a room in all states but
// placeNowhere.
type placeState uint8

const (
	placeNowhere       placeState = iota // in no room, or on the way to the first one
	placeProvisional                     // it has a membership, and the store has not let it in yet: there is no epoch
	placeJoined                          // the store has let it in
	placeReregistering                   // it is being registered again: its epoch is about to change
	placeUnresolved                      // likewise, and behind that it is to be looked up by which name it is known elsewhere
	placeStates
)

// isReregistering tells whether what changes the session waits for its next epoch.
func (s placeState) isReregistering() bool { return s == placeReregistering || s == placeUnresolved }

// placeEvent is what happens to where a session is.
type placeEvent uint8

const (
	placeSeated       placeEvent = iota // it gets a membership without the store
	placeEntered                        // the store lets it in
	placeLeft                           // it leaves, goes elsewhere, or its connection is closed
	placeReregister                     // another node may have taken this one for dead
	placeNameFound                      // it is known by another name elsewhere
	placeReregistered                   // the store has answered to that
	placeEvents
)

// placeSteps is where an event takes a session. A state that stands in its own row ignores
// the event.
var placeSteps = [placeStates][placeEvents]placeState{
	placeNowhere:       {placeProvisional, placeJoined, placeNowhere, placeNowhere, placeNowhere, placeNowhere},
	placeProvisional:   {placeProvisional, placeJoined, placeNowhere, placeProvisional, placeProvisional, placeProvisional},
	placeJoined:        {placeJoined, placeJoined, placeNowhere, placeReregistering, placeJoined, placeJoined},
	placeReregistering: {placeReregistering, placeReregistering, placeNowhere, placeReregistering, placeUnresolved, placeJoined},
	placeUnresolved:    {placeUnresolved, placeUnresolved, placeNowhere, placeUnresolved, placeUnresolved, placeJoined},
}

// on takes it to its next state, and tells whether that is another one.
func (s *placeState) on(e placeEvent) (changed bool) {
	was := *s
	*s = placeSteps[was][e]
	return *s != was
}
