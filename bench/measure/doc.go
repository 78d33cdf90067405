// Package measure is how the load generator measures: distributions of times,
// open-loop arrivals, and a watch over the generator itself.
//
//	Arrivals    when posts are intended, whatever the target does
//	Hist        a distribution of times: microseconds to ten minutes, three digits
//	Sample      what was seen in a second; Add merges workers, Follow seconds
//	Watch       the generator's own processor time, memory, files, and busiest loop
//	Bottleneck  whether a sample tells of the generator rather than of the target
//
// Nothing is lost by merging: a percentile of merged histograms is that of all
// times together.
package measure
