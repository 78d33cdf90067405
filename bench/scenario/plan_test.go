package scenario

import (
	"reflect"
	"testing"
)

func TestAPlanDealsEverybodyOut(t *testing.T) {
	all, err := Presets()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		p := s.Plan()
		members, slow, quiet := map[int32]int{}, 0, 0
		for i := range s.Clients {
			members[p.Room(i)]++
			if p.IsSlow(i) {
				slow++
			}
			if !p.Talks(i) {
				quiet++
			}
		}
		for room := range p.Rooms() {
			if got := members[s.FirstRoom+int32(room)]; got != p.Size(room) || got == 0 {
				t.Errorf("%s: room %d has %d members, the plan says %d", s.Name, room, got, p.Size(room))
			}
			if idle := room >= p.Talking(); idle && p.Size(room) > s.IdleRoom {
				t.Errorf("%s: idle room %d has %d members", s.Name, room, p.Size(room))
			}
		}
		if want := int(float64(s.Clients-s.Idle) * s.Slow); slow != want || quiet != s.Idle+slow {
			t.Errorf("%s: %d slow, want %d; %d quiet", s.Name, slow, want, quiet)
		}
		if !reflect.DeepEqual(p, s.Plan()) {
			t.Errorf("%s: a second plan is another", s.Name)
		}
	}
}

func TestZipfSizes(t *testing.T) {
	for _, tc := range []struct {
		n, rooms int
		zipf     float64
		want     []int
	}{
		{10, 5, 0, []int{2, 2, 2, 2, 2}},
		{11, 4, 0, []int{3, 3, 3, 2}},
		{3, 3, 4, []int{1, 1, 1}},
		{0, 0, 0, []int{}},
		// what is left beside one each (9) is shared as 6 : 3 : 2
		{12, 3, 1, []int{6, 3, 3}},
	} {
		if got := shares(tc.n, tc.rooms, tc.zipf); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%d in %d rooms, zipf %v: %v, want %v", tc.n, tc.rooms, tc.zipf, got, tc.want)
		}
	}
}
