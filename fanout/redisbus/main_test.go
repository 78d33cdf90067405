//go:build !integration

package redisbus

import (
	"testing"

	"tuitalk/fanout/fanouttest"
)

func TestMain(m *testing.M) { fanouttest.Main(m) }
