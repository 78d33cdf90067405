package devcluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// PartReport is what a look at one part finds.
type PartReport struct {
	PartState
	State string // of the process: Running, Stopped or Dead
	Well  bool   // it does what it is there for
	Says  string // its role and how it is, or why it is not well
}

// lookWait is how long a part may take to tell how it is: PostgreSQL's client has to
// start first, also on a busy machine.
const lookWait = 5 * time.Second

// Look asks every part, at once, how it is. What does not answer within lookWait
// is not well.
func (s ClusterState) Look(ctx context.Context) []PartReport {
	ctx, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	reports := make([]PartReport, len(s.Parts))
	var looks sync.WaitGroup
	for i, p := range s.Parts {
		looks.Go(func() { reports[i] = p.look(ctx) })
	}
	looks.Wait()
	return reports
}

// ask is how a part of each kind is asked how it is.
var ask = map[Kind]func(context.Context, PartState) (string, error){
	KindNginx:    askNginx,
	KindGateway:  askGateway,
	KindRedis:    askRedis,
	KindPostgres: askPostgres,
}

func (p PartState) look(ctx context.Context) PartReport {
	r := PartReport{PartState: p, State: p.Process.State()}
	if r.State != Running {
		return r
	}
	said, err := ask[p.Kind](ctx, p)
	var timeout net.Error
	switch {
	case err == nil:
		r.Well, r.Says = true, said
		return r
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		r.Says = "does not answer"
	default:
		r.Says = err.Error()
	}
	if r.State = p.Process.State(); r.State != Running {
		r.Says = "" // it says nothing, and this is why
	}
	return r
}

func askNginx(ctx context.Context, p PartState) (string, error) {
	_, err := askHTTP(ctx, p.Addr, "/")
	return "serves the site", err
}

func askGateway(ctx context.Context, p PartState) (string, error) {
	said, err := askHTTP(ctx, p.Admin, "/readyz")
	if err != nil {
		return "", err
	}
	text, err := askHTTP(ctx, p.Admin, "/metrics")
	if err != nil {
		return "", err
	}
	metrics, err := parseMetrics(text)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s; connections %d, rooms %d", strings.TrimSpace(said),
		int(metrics["tuitalk_connections"]), int(metrics["tuitalk_rooms"])), nil
}

// askRedis tells a node's role by its answer to ROLE: "master", offset, replicas;
// or "slave", its master's host and port, the state of their link.
func askRedis(ctx context.Context, p PartState) (string, error) {
	n := redisNode{addr: p.Addr, opts: &RedisOptions{Password: p.Secret}}
	info, err := n.do(ctx, "CLUSTER", "INFO")
	if err != nil {
		return "", err
	}
	role, err := n.do(ctx, "ROLE")
	switch {
	case err != nil:
		return "", err
	case len(role.list) < 3:
		return "", errors.New("it does not tell its role")
	case !strings.Contains(info.text, "cluster_state:ok"):
		return "", errors.New(role.list[0].text + ", finds the cluster down")
	case role.list[0].text == "master":
		return fmt.Sprintf("master, %d in step with it", len(role.list[2].list)), nil
	case len(role.list) < 4 || role.list[3].text != "connected":
		return "", errors.New("replica, not in step with its master")
	}
	return "replica of " + role.list[1].text + ":" + role.list[2].text, nil
}

// postgresQuestion is answered with whether the server is well, and its role: a
// primary with its standbys, or a standby with its primary. A primary that waits
// for nobody is well if it has no standby: one that has a slot for it.
const postgresQuestion = `SELECT CASE WHEN pg_is_in_recovery() THEN
	(SELECT coalesce(bool_or(status = 'streaming'), false) || ' standby ' ||
		coalesce('of ' || min(sender_host || ':' || sender_port), 'without a primary') FROM pg_stat_wal_receiver)
	WHEN current_setting('synchronous_standby_names') = '' THEN
	(SELECT CASE WHEN count(*) = 0 THEN 'true primary'
		ELSE 'false primary, does not wait for ' || string_agg(slot_name, ', ') END FROM pg_replication_slots)
	ELSE (SELECT coalesce(bool_or(sync_state IN ('sync', 'quorum')), false) || ' ' ||
		concat_ws(', ', 'primary', coalesce(string_agg(application_name || ' ' || state || ' ' || sync_state, ', '),
			'commits wait for a standby')) FROM pg_stat_replication) END`

// askPostgres tells what a server is for whom.
func askPostgres(ctx context.Context, p PartState) (string, error) {
	host, port, err := net.SplitHostPort(p.Addr)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, p.Client, "-AtXq", "-c", postgresQuestion,
		"-h", host, "-p", port, "-U", postgresUser, postgresUser)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+p.Secret)
	out, err := cmd.Output()
	if err == nil {
		well, role, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
		if well != "true" {
			return "", errors.New(role)
		}
		return role, nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		line, _, _ := strings.Cut(string(failed.Stderr), "\n")
		return "", errors.New(line)
	}
	return "", err
}

// parseMetrics reads Prometheus' text form, by name with labels.
func parseMetrics(text string) (map[string]float64, error) {
	metrics := make(map[string]float64)
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("a metric that is not one: %q", line)
		}
		metrics[line[:at]] = v
	}
	return metrics, nil
}
