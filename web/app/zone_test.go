package app

import (
	"testing"
	"time"
	_ "time/tzdata"
)

func TestZoneIsTheUsersClock(t *testing.T) {
	for _, name := range []string{
		"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Tokyo",
		"Australia/Lord_Howe", "Africa/Casablanca", "America/St_Johns", "Pacific/Chatham",
	} {
		real, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		offset := func(unix int64) int {
			_, seconds := time.Unix(unix, 0).In(real).Zone()
			return seconds
		}
		made := Zone(offset)
		from := time.Date(zoneFirst, 1, 1, 0, 0, 0, 0, time.UTC)
		to := time.Date(zoneLast+1, 1, 1, 0, 0, 0, 0, time.UTC)
		for at := from; at.Before(to); at = at.Add(3 * time.Hour) {
			if got, want := at.In(made).Format(time.DateTime), at.In(real).Format(time.DateTime); got != want {
				t.Fatalf("%s: %s is %s, want %s", name, at, got, want)
			}
		}
	}
}
