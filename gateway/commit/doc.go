// Package commit is what waits for the store: posts and changes of presence come in, and
// are stored, accepted, refused or withdrawn. It knows neither connections nor frames: who
// said something is a Poster, and what people see of a room is a Room.
//
// # The life of a post
//
//	Committer.Post   queues it in the lane of its room (postQueue): networks take turns, and
//	                 so do the rooms of a network
//	lane             takes what one group commit carries (batchSizer, commitSize), leaves
//	                 out what must wait for an earlier one (Poster.MustFollow), and calls
//	                 history.Log.Append, one at a time. No timer delays an idle lane.
//	Rooms.Place      shows what was stored; then Poster.Stored tells the author
//
// A change of presence is a Move: it goes through the room's lane like a post, is never
// given up, and its attempts are numbered (history.Turn).
//
// # When the store is away
//
// A call that takes longer than StoreTimeout is given up, and its posts go to the spool, if
// there is one (spooler.accept). The Replayer, and a lane that knows of entries of its
// room (spooler.drainBeforeAppend), bring them into the store in stream order. What a room
// shows as pending and the spool has lost this node stores itself (rescuePending), or
// withdraws (withdrawOthers).
//
// Without a spool a post is refused for now, and said again. Of a client that cannot say
// it again with its id, what may be stored is kept and offered again (lane.retain).
//
// # Goroutines
//
// One for each lane, and one for the Replayer.
//
// # Locks
//
// lane.mu, under which Timers are asked for. Neither the store nor the spool, nor a Poster or
// a Room is called under a lock of this package, so that theirs may be held when it is called.
package commit
