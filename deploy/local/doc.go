// Package local runs the servers that a fleet needs on one machine, as real
// processes: a Redis Cluster and PostgreSQL. It starts them from the
// configuration that a fleet is deployed with, and kills, freezes, wakes, cuts
// off and restarts them, for the cluster on one machine, the tests and the
// faults of the load generator.
//
// Everything listens on loopback addresses unless told otherwise, on given
// ports or on free ones below those that the kernel gives to clients. Data and
// logs are under one directory. A process that was started here is only ever
// ended by its id, and ends with the program that started it even if that is
// killed.
package local
