package view

import (
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"tuitalk/talk"
)

// vocabulary is what there is to complete with, besides the commands.
type vocabulary struct {
	Names []string // of the members
	Rooms []int32  // that the user was in
}

// complete finds what may stand in place of line[start:at], the word before
// the cursor: a command at the start of the line, a room after /room, else a
// name. The candidates are sorted and bring the space or colon that follows.
// at must be the start of a character.
func complete(line string, at int, words vocabulary) (start int, candidates []string) {
	head := line[:at]
	if strings.HasPrefix(head, "/") && !strings.ContainsAny(head, " \n") {
		return 0, completeCommand(head)
	}
	start = strings.LastIndexAny(head, " \n") + 1
	word := head[start:]
	if cmd, _, ok := strings.Cut(head, " "); ok && strings.EqualFold(cmd, "/room") {
		return start, completeRoom(word, words.Rooms)
	}
	if strings.HasPrefix(word, "@") {
		start++
		word = word[1:]
	}
	if word == "" {
		return start, nil
	}
	end := " "
	if start == 0 {
		end = ": "
	}
	return start, completeName(word, end, words.Names)
}

func completeCommand(head string) (found []string) {
	for _, c := range commands {
		if strings.HasPrefix(c.Name, strings.ToLower(head)) {
			name := c.Name
			if c.Args != "" {
				name += " "
			}
			found = append(found, name)
		}
	}
	sort.Strings(found)
	return found
}

func completeRoom(word string, rooms []int32) (found []string) {
	sorted := append([]int32(nil), rooms...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	for _, r := range sorted {
		if s := strconv.Itoa(int(r)); strings.HasPrefix(s, word) {
			found = append(found, s)
		}
	}
	return found
}

func completeName(word, end string, names []string) (found []string) {
	seen := make(map[string]bool)
	for _, n := range names {
		n = talk.CleanName(n)
		if !seen[n] && hasFoldedPrefix(n, word) {
			seen[n] = true
			found = append(found, n+end)
		}
	}
	sort.Slice(found, func(i, j int) bool { return strings.ToLower(found[i]) < strings.ToLower(found[j]) })
	return found
}

// hasFoldedPrefix compares rune by rune, since folding may change lengths.
func hasFoldedPrefix(s, prefix string) bool {
	n := utf8.RuneCountInString(prefix)
	for i := range s {
		if n == 0 {
			return strings.EqualFold(s[:i], prefix)
		}
		n--
	}
	return n == 0 && strings.EqualFold(s, prefix)
}

// vocabulary is what there is to complete with: the others' names, and the rooms.
func (v *View) vocabulary() vocabulary {
	w := vocabulary{Rooms: v.rooms}
	me := v.session.Me().UUID
	for _, p := range v.session.Members() {
		if p.UUID != me {
			w.Names = append(w.Names, p.Username)
		}
	}
	return w
}

// Complete finds what may stand in place of line[start:at], the word before the
// cursor, as complete does.
func (v *View) Complete(line string, at int) (start int, candidates []string) {
	return complete(line, at, v.vocabulary())
}
