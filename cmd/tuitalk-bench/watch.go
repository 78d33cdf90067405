package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tuitalk/bench/coordinator"
	"tuitalk/deploy/devcluster"
	"tuitalk/history/pgstore"
)

// checkWatch finds the processes that are watched, and takes a cluster for the
// target.
func (s *settings) checkWatch(o *coordinator.Options) error {
	watched, err := s.watched()
	if err != nil {
		return err
	}
	o.Watch = func() []coordinator.Process { return watched }
	if s.cluster == "" {
		return nil
	}
	file := filepath.Join(s.cluster, "state.json")
	state, err := devcluster.LoadClusterState(file)
	if err != nil || state.Owner.State() == devcluster.Dead {
		return fmt.Errorf("-cluster %s: no cluster runs there; make cluster starts one", s.cluster)
	}
	if !s.given("target") {
		o.Targets = []string{state.URL}
	}
	o.Watch = func() []coordinator.Process {
		// parts that were started again have other ids
		if now, err := devcluster.LoadClusterState(file); err == nil {
			state = now
		}
		return append(processes(state), watched...)
	}
	return nil
}

func (s *settings) given(name string) (is bool) {
	s.form.Visit(func(f *flag.Flag) { is = is || f.Name == name })
	return is
}

func (s *settings) watched() (all []coordinator.Process, err error) {
	for _, w := range fields(s.watch) {
		process, admin, _ := strings.Cut(w, "@")
		id, name, named := strings.Cut(process, "=")
		pid, err := strconv.Atoi(id)
		if err != nil || pid < 1 {
			return nil, fmt.Errorf("-watch: %q is no process id, as 4711 or 4711=gateway", w)
		}
		if _, _, err := net.SplitHostPort(admin); admin != "" && err != nil {
			return nil, fmt.Errorf("-watch: %q is not host:port, as 4711=gateway@127.0.0.1:8081 has it", admin)
		}
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err != nil {
			return nil, fmt.Errorf("-watch: there is no process %d on this machine", pid)
		}
		if !named {
			name = "process " + id
			if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil {
				name = fmt.Sprintf("%s (%d)", strings.TrimSpace(string(comm)), pid)
			}
		}
		all = append(all, coordinator.Process{Name: name, PID: pid, Metrics: metricsOf(admin)})
	}
	return all, nil
}

// metricsOf is where an address for operators has a gateway's metrics.
func metricsOf(admin string) string {
	if admin == "" {
		return ""
	}
	return "http://" + admin + "/metrics"
}

func processes(state devcluster.ClusterState) (all []coordinator.Process) {
	for _, p := range state.Parts {
		if p.Process.PID > 0 {
			all = append(all, coordinator.Process{Name: p.Name, PID: p.Process.PID, Metrics: metricsOf(p.Admin)})
		}
	}
	return all
}

// store opens the database of a cluster; nil if there is none, or if nothing is
// recorded that would be held against it.
func (s *settings) store(ctx context.Context, o *coordinator.Options) (done func(), err error) {
	if s.cluster == "" || !o.Scenario.Check {
		return func() {}, nil
	}
	state, err := devcluster.LoadClusterState(filepath.Join(s.cluster, "state.json"))
	if err != nil {
		return nil, err
	}
	store, err := pgstore.Open(ctx, databaseOf(state), pgstore.Options{})
	if err != nil {
		return nil, errors.Join(errors.New("the database of the cluster cannot be read"), err)
	}
	o.Store = store
	return func() { _ = store.Close() }, nil
}

// databaseOf is the address of a cluster's database, whichever server is the
// primary just then.
func databaseOf(state devcluster.ClusterState) string {
	const roleAndDatabase = "tuitalk"
	u := url.URL{Scheme: "postgres", Path: roleAndDatabase}
	var hosts []string
	for _, p := range state.Parts {
		if p.Kind == devcluster.KindPostgres {
			hosts = append(hosts, p.Addr)
			u.User = url.UserPassword(roleAndDatabase, p.Secret)
		}
	}
	u.Host = strings.Join(hosts, ",")
	if len(hosts) > 1 {
		u.RawQuery = "target_session_attrs=read-write"
	}
	return u.String()
}
