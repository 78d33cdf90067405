package coordinator

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	asksEvery       = 5 // looks, for the metrics of a process
	metricsPatience = 500 * time.Millisecond
)

// goroutines reads how many a process has from its metrics, in the text form of
// Prometheus. One that does not answer just now is down or hangs, which is seen in
// the plot.
func (w *watch) goroutines(ctx context.Context, url string) (n float64, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, metricsPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, false
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, false
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if text, is := strings.CutPrefix(lines.Text(), "go_goroutines "); is {
			n, err := strconv.ParseFloat(text, 64)
			return n, err == nil
		}
	}
	return 0, false
}
