package fanout_test

import (
	"testing"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
)

func TestMemorySpool(t *testing.T) {
	fanouttest.RunSpool(t, func(*testing.T) fanout.Spool { return fanouttest.NewSpool(fanouttest.SpoolCap) })
}
