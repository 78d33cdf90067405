package gateway

// roomState is how far a room of this node has come. docs/states.md draws roomSteps.
type roomState uint8

const (
	roomNew        roomState = iota // on the list, and nobody has begun to open it
	roomOpening                     // somebody subscribes and reads; nothing that it holds is valid before that is done
	roomOpen                        // subscribed and read
	roomUnverified                  // opened without the store, behind what a joiner said to have
	roomHeadless                    // likewise, and nobody here has anything of it: its head is 0 and means nothing
	roomClosing                     // not open any more; its subscription is being ended
	roomClosed                      // off the list: look it up anew
	roomStates
)

// isOpen tells whether there can be members.
func (s roomState) isOpen() bool { return s == roomOpen || s.isUnverified() }

// isUnverified tells whether it was opened without the store, and is to be read.
func (s roomState) isUnverified() bool { return s == roomUnverified || s == roomHeadless }

// roomEvent is what happens to a room.
type roomEvent uint8

const (
	roomBegun            roomEvent = iota // somebody begins to open it
	roomRead                              // it was subscribed to and read
	roomOpenedUnverified                  // the store is away, and a joiner has something of it
	roomOpenedHeadless                    // the store is away, and the joiner has nothing of it
	roomVerified                          // the store is back, and it was read
	roomIdled                             // nobody is in it for a while, and somebody begins to close it
	roomRemoved                           // nobody opens it, or it is closed
	roomEvents
)

// roomSteps is where an event takes a room. A state that stands in its own row ignores the
// event.
var roomSteps = [roomStates][roomEvents]roomState{
	roomNew:        {roomOpening, roomNew, roomNew, roomNew, roomNew, roomNew, roomClosed},
	roomOpening:    {roomOpening, roomOpen, roomUnverified, roomHeadless, roomOpening, roomOpening, roomClosed},
	roomOpen:       {roomOpen, roomOpen, roomOpen, roomOpen, roomOpen, roomClosing, roomOpen},
	roomUnverified: {roomUnverified, roomUnverified, roomUnverified, roomUnverified, roomOpen, roomClosing, roomUnverified},
	roomHeadless:   {roomHeadless, roomHeadless, roomHeadless, roomHeadless, roomOpen, roomClosing, roomHeadless},
	roomClosing:    {roomClosing, roomClosing, roomClosing, roomClosing, roomClosing, roomClosing, roomClosed},
	roomClosed:     {roomClosed, roomClosed, roomClosed, roomClosed, roomClosed, roomClosed, roomClosed},
}

// on takes the room to its next state, and tells whether that is another one. Call with mu
// held.
func (r *room) on(e roomEvent) (changed bool) {
	was := r.state
	r.state = roomSteps[was][e]
	return r.state != was
}
