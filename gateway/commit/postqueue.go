package commit

import (
	"net/netip"
	"slices"

	"tuitalk/talk"
)

// Post is an entry on its way to the store.
type Post struct {
	Entry   talk.Entry
	From    Poster
	Network netip.Prefix // of who speaks: those of one share what a lane does
	Number  uint64       // among the messages of its poster
	queued  int64        // coarse time
	// unclear: it was offered to the store or the spool, and nobody knows whether
	// they have it.
	unclear bool
}

// postOverhead is about what a post takes in memory besides its texts.
const postOverhead = 400

// size is about the memory that the post takes.
func (p *Post) size() int { return postOverhead + len(p.Entry.Text) + len(p.Entry.Name) }

// postQueue holds the posts that wait for a lane. Networks take turns, and so do the
// rooms in which people of one network speak: neither a busy room nor a stranger with
// many rooms holds up others. Posts of one connection stay in order, since they are
// of one network and, as long as any waits, of one room.
type postQueue struct {
	networks map[netip.Prefix]*networkPosts
	order    []*networkPosts // next in turn first
	count    int
	bytes    int
}

// networkPosts are those of one network.
type networkPosts struct {
	network netip.Prefix
	rooms   map[int32]*[]Post // oldest first
	order   []int32           // next in turn first
	bytes   int
}

func newPostQueue() postQueue { return postQueue{networks: map[netip.Prefix]*networkPosts{}} }

// full tells whether there is no room for p in so many bytes. Of what is free a
// network may have half: so there is always room for those who have little waiting,
// however many flood.
func (q *postQueue) full(p *Post, most int) bool {
	of := 0
	if n := q.networks[p.Network]; n != nil {
		of = n.bytes
	}
	return of+p.size() > most-q.bytes
}

// push puts posts of one network and room behind those that wait, or in front of them.
func (q *postQueue) push(front bool, posts ...Post) {
	first := &posts[0]
	n := q.networks[first.Network]
	if n == nil {
		n = &networkPosts{network: first.Network, rooms: map[int32]*[]Post{}}
		q.networks[n.network] = n
		q.order = append(q.order, n)
	}
	list := n.rooms[first.Entry.RoomID]
	if list == nil {
		list = new([]Post)
		n.rooms[first.Entry.RoomID] = list
		n.order = append(n.order, first.Entry.RoomID)
	}
	if front {
		*list = append(posts, *list...)
	} else {
		*list = append(*list, posts...)
	}
	for i := range posts {
		q.counted(n, 1, posts[i].size())
	}
}

func (q *postQueue) counted(n *networkPosts, count, bytes int) {
	q.count += count
	q.bytes += bytes
	n.bytes += bytes
}

// pop takes the post whose turn it is. The queue must not be empty.
func (q *postQueue) pop() Post {
	n := q.order[0]
	id := n.order[0]
	list := n.rooms[id]
	p := (*list)[0]
	(*list)[0] = Post{}
	*list = (*list)[1:]
	q.counted(n, -1, -p.size())
	n.order = n.order[1:]
	if len(*list) > 0 {
		n.order = append(n.order, id)
	} else {
		delete(n.rooms, id)
	}
	q.order = q.order[1:]
	if len(n.order) > 0 {
		q.order = append(q.order, n)
	} else {
		delete(q.networks, n.network)
	}
	return p
}

// takeOlder takes what has waited since before old, but what is unclear.
func (q *postQueue) takeOlder(old int64) (late []Post) {
	q.order = slices.DeleteFunc(q.order, func(n *networkPosts) bool {
		n.order = slices.DeleteFunc(n.order, func(id int32) bool {
			list := n.rooms[id]
			i := 0
			for i < len(*list) && (*list)[i].queued < old && !(*list)[i].unclear {
				q.counted(n, -1, -(*list)[i].size())
				i++
			}
			late = append(late, (*list)[:i]...)
			clear((*list)[:i])
			if *list = (*list)[i:]; len(*list) == 0 {
				delete(n.rooms, id)
			}
			return len(*list) == 0
		})
		if len(n.order) == 0 {
			delete(q.networks, n.network)
		}
		return len(n.order) == 0
	})
	return late
}
