//go:build integration && nightly

package pgstore

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tuitalk/talk"
)

// A town is a log of so many entries as years of talk would leave it. Every
// fourth is said in room 0, the others in rooms 1 to 131,071, whose sizes follow
// Zipf's law: the n-th largest has an n-th of what the largest has. Entries lie
// in the table in the order of time, so that those of one room are far apart;
// ids are random; of a room's people a few say most.
type town int

const (
	townLevels      = 17 // level l has 2^l rooms of the same size
	townRooms       = 1 << townLevels
	townLargePeople = 5_000 // of room 0
	townSmallPeople = 50    // of each other room
	townStart       = 1_600_000_000
	townPerSecond   = 20 // entries
	townShortText   = 20 // bytes
	townTexts       = 100
)

var townTalk = strings.Repeat("the quick brown fox jumps over the lazy dog while nobody looks and tells everyone about it. ", 2)

// room is where the n-th entry is said, counted from 0.
func (town) room(n int) int32 {
	if n%4 == 0 {
		return 0
	}
	others := n - n/4 - 1
	level, k := others%townLevels, others/townLevels
	return int32(1<<level + k&(1<<level-1))
}

// townInsert makes the entries from $1 up to $2, in the rooms that town.room
// says.
var townInsert = fmt.Sprintf(`
	INSERT INTO entries (room_id, seq, author, id, kind, name, body, unixtime, sent_at)
	SELECT room_id, seq, md5(room_id || '/' || floor(people * r * r * r))::uuid, gen_random_uuid(), 4, 'somebody',
		substr('%s', 1 + n %% 7, %d + n %% %d), %d + n / %d, 0
	FROM (SELECT n, random() AS r,
			CASE WHEN n %% 4 = 0 THEN %d ELSE %d END AS people,
			CASE WHEN n %% 4 = 0 THEN 0 ELSE (1 << level) + (k & ((1 << level) - 1)) END AS room_id,
			CASE WHEN n %% 4 = 0 THEN n / 4 + 1 ELSE (k >> level) + 1 END AS seq
		FROM generate_series($1::int, $2::int) AS n,
			LATERAL (SELECT (n - n / 4 - 1) %% %[8]d AS level, (n - n / 4 - 1) / %[8]d AS k OFFSET 0) AS others) AS said`,
	townTalk, townShortText, townTexts, townStart, townPerSecond, townLargePeople, townSmallPeople, townLevels)

// townIndexes are what the schema has made, to be dropped and made again.
const townIndexes = `CREATE TEMP TABLE made AS
	SELECT i.indexrelid::regclass::text AS name, c.conname AS key,
		coalesce('ALTER TABLE entries ADD CONSTRAINT ' || c.conname || ' ' || pg_get_constraintdef(c.oid),
			pg_get_indexdef(i.indexrelid)) AS definition
	FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid
	WHERE i.indrelid = 'entries'::regclass`

// build fills an empty schema. The indexes are made afterwards, which is much
// faster; entries_ids as full as random insertions leave it.
func (w town) build(t testing.TB, conn *pgx.Conn) {
	t.Helper()
	run := func(sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	forEach := func(statement string) {
		t.Helper()
		run(`DO $$ DECLARE m record; BEGIN FOR m IN SELECT * FROM made LOOP EXECUTE ` + statement + `; END LOOP; END $$`)
	}
	run(`SET synchronous_commit = off`)
	run(`SET maintenance_work_mem = '1GB'`)
	run(townIndexes)
	forEach(`CASE WHEN m.key IS NULL THEN 'DROP INDEX ' || m.name ELSE 'ALTER TABLE entries DROP CONSTRAINT ' || m.key END`)
	const step = 1_000_000
	for from := 0; from < int(w); from += step {
		run(townInsert, from, min(from+step, int(w))-1)
	}
	forEach(`m.definition || CASE WHEN m.name LIKE '%entries_ids' THEN ' WITH (fillfactor = 70)' ELSE '' END`)
	run(`INSERT INTO rooms (room_id, head_seq, last_time) SELECT room_id, max(seq), max(unixtime) FROM entries GROUP BY room_id`)
	run(`DROP TABLE made`)
	run(`RESET ALL`)
	run(`VACUUM (ANALYZE)`)
}

// author is one of the people of a room.
func (town) author(room int32) talk.UUID {
	people := townSmallPeople
	if room == 0 {
		people = townLargePeople
	}
	r := rand.Float64()
	return md5.Sum(fmt.Appendf(nil, "%d/%d", room, int(float64(people)*r*r*r)))
}

// post is a new entry of a room.
func (w town) post(room int32) talk.Entry {
	id := md5.Sum(fmt.Appendf(nil, "%x %x", rand.Uint64(), rand.Uint64()))
	return talk.Entry{RoomID: room, Kind: talk.KindPosted, Author: w.author(room), ID: talk.MakeUUID(4, id), Name: "somebody",
		Text: townTalk[:townShortText+rand.IntN(townTexts)]}
}

// posts are n new entries, in rooms as busy as those of the town.
func (w town) posts(n int) []talk.Entry {
	entries := make([]talk.Entry, n)
	for i := range entries {
		entries[i] = w.post(w.room(rand.IntN(int(w))))
	}
	return entries
}

// scattered are n new entries in as many of the smaller rooms.
func (w town) scattered(n int) []talk.Entry {
	entries := make([]talk.Entry, n)
	first := rand.IntN(townRooms)
	for i := range entries {
		entries[i] = w.post(int32(townRooms/2 + (first+i*7919)%(townRooms/2)))
	}
	return entries
}
