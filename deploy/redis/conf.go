// Package redis holds the configuration of the Redis Cluster, for programs that
// start one.
package redis

import _ "embed"

// ClusterConf is redis-cluster.conf.
//
//go:embed redis-cluster.conf
var ClusterConf []byte
