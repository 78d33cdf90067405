// Package measure is how the load generator measures: distributions of times,
// open-loop arrivals, and a watch over the generator itself.
package measure
