//go:build integration

package pgstore

import (
	"testing"

	"tuitalk/history/historytest"
)

func BenchmarkAppend(b *testing.B) {
	s := open(b, newSchema(b), Options{})
	historytest.BenchmarkAppend(b, s)
}

func BenchmarkMove(b *testing.B) {
	s := open(b, newSchema(b), Options{})
	historytest.BenchmarkMove(b, s)
}
