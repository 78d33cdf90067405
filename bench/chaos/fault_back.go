package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/history/pgstore"
	"tuitalk/talk"
)

const (
	// forgotten is for how long people talk after the copy to which PostgreSQL goes
	// back.
	forgotten = 3 * time.Second
	// noticeWithin is how long gateways may take to find that the store has gone back,
	// counted from when the fault is to be mended, and to answer at all.
	noticeWithin = 15 * time.Second
	// setAsideWithin is how long the server of the data that were set aside may take to
	// answer: it comes up beside a fleet that is busy with having lost them. Without what
	// it has nothing of the run can be judged.
	setAsideWithin = 2 * time.Minute
	// alarms counts the rooms that a gateway has read again.
	alarms = "tuitalk_store_went_back_total"
)

// setBack is PostgreSQL that is set back to a copy of its data. Nothing mends that: it
// is over when the gateways have noticed.
type setBack struct {
	copied time.Time // when the copy was begun
}

func storeGoesBack() Fault {
	b := &setBack{}
	return Fault{
		Name: "postgres-goes-back", Hold: 5 * time.Second, Break: b.do, Took: b.took,
		About: "PostgreSQL is set back to a copy that is a few seconds old: what was stored since is gone, rooms begin anew and an alarm goes out",
	}
}

func (b *setBack) do(ctx context.Context, c *devcluster.Cluster, _ *rand.Rand) (Mend, string, error) {
	before, err := answered(ctx, noticeWithin, func() (map[string]float64, error) { return alarmsOf(ctx, c) })
	if err != nil {
		return nil, "", err
	}
	if b.copied, err = c.Postgres.Backup(ctx); err != nil {
		return nil, "", err
	}
	if err := sleep(ctx, forgotten); err != nil {
		return nil, "", err
	}
	was := process(c, c.Postgres.Primary().Addr())
	mend := func(ctx context.Context) error { return errors.Join(c.Postgres.Start(ctx), noticed(ctx, c, before)) }
	if err := c.Postgres.GoBack(ctx); err != nil {
		return c.Postgres.Start, "", err
	}
	seen, err := gone(was, nil)
	return mend, fmt.Sprintf("%s, and PostgreSQL is back with the data of %v before", seen, time.Since(b.copied).Round(time.Second/10)), err
}

// took reads the data that were set aside. What was stored before the copy was begun
// must be there still: of that nothing is told. Entries bear whole seconds.
func (b *setBack) took(ctx context.Context, c *devcluster.Cluster, rooms []int32) (lost []talk.Entry, err error) {
	was, err := c.Postgres.Before(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, was.Close()) }()
	store, err := answered(ctx, setAsideWithin, func() (*pgstore.Store, error) { return pgstore.Open(ctx, was.DSN(), pgstore.Options{}) })
	if err != nil {
		return nil, fmt.Errorf("open the data that were set aside: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for _, room := range rooms {
		entries, err := since(ctx, store, room, uint64(b.copied.Unix()))
		if err != nil {
			return nil, err
		}
		lost = append(lost, entries...)
	}
	return lost, nil
}

// since reads the entries of a room that are of a second or later.
func since(ctx context.Context, store *pgstore.Store, room int32, second uint64) (found []talk.Entry, err error) {
	const page = 1000
	for before := int64(0); ; {
		entries, _, err := store.Before(ctx, room, before, page)
		if err != nil {
			return nil, fmt.Errorf("read what was in room %d: %w", room, err)
		}
		for i := range entries {
			if entries[i].UnixTime >= second {
				found = append(found, entries[i])
			}
		}
		if len(entries) == 0 || entries[0].UnixTime < second {
			return found, nil
		}
		before = entries[0].Seq
	}
}

// alarmsOf is how many rooms the gateways have read again, each since it was started.
func alarmsOf(ctx context.Context, c *devcluster.Cluster) (map[string]float64, error) {
	counts := map[string]float64{}
	for _, g := range c.Gateways {
		metrics, err := g.Metrics(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask %s whether the store went back: %w", g.Name(), err)
		}
		if metrics["tuitalk_connections"] > 0 {
			counts[g.Name()] = metrics[alarms]
		}
	}
	return counts, nil
}

// answered asks servers that may be too busy to answer at once.
func answered[T any](ctx context.Context, within time.Duration, ask func() (T, error)) (answer T, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		if answer, err = ask(); err == nil || sleep(ctx, 100*time.Millisecond) != nil {
			return answer, err
		}
	}
}

// noticed waits until each gateway that had people then has said that the store went
// back, unless they have all gone elsewhere since.
func noticed(ctx context.Context, c *devcluster.Cluster, before map[string]float64) error {
	_, err := answered(ctx, noticeWithin, func() (now map[string]float64, err error) {
		if now, err = alarmsOf(ctx, c); err == nil {
			if silent := silentOf(before, now); silent != "" {
				err = fmt.Errorf("%s does not say that the store went back", silent)
			}
		}
		return now, err
	})
	return err
}

// silentOf names a gateway that counts no more rooms than before; "": there is none.
func silentOf(before, now map[string]float64) string {
	for name, count := range now {
		if was, known := before[name]; known && count <= was {
			return name
		}
	}
	return ""
}
