package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tuitalk/bench/attack"
	"tuitalk/bench/coordinator"
	"tuitalk/bench/measure"
	"tuitalk/bench/report"
	"tuitalk/bench/result"
	"tuitalk/cmd/setting"
)

var attackTarget = &command{
	name: "attack",
	line: "do what strangers may do, within bounds, while honest people chat",
	about: `tuitalk-bench attack makes one attack after the other on a gateway of yours, before
strangers do: connections that are held open in each phase, slow readers of page,
history and stream, floods of each message, churn, broken frames, odd handshakes,
forged identities. Meanwhile honest people chat from other addresses and newcomers
join. For each attack it tells what those felt before, during and after it, what
the attackers got, and what it cost the gateway.

Every attack is bounded: at most 2,000 connections, 256 MiB sent, two minutes; it
ends early when the gateway has taken 1.5 GiB more than before. With -gateway each
attack meets a gateway of its own, with the default limits, on loopback and with a
store that is thrown away, so that two versions can be compared.

    tuitalk-bench attack -gateway bin/tuitalk-gateway -html attack.html
    tuitalk-bench attack -gateway old -json old.json -markdown old.md
    tuitalk-bench attack -quick -max-honest-p99-ratio 3 -max-join-ratio 5 -junit ci.xml
    tuitalk-bench attack -target ws://127.0.0.1:8080/ws -pid 4711 -only flood-posts
    tuitalk-bench attack -list

Only attack what is yours. A target that is not this machine is refused, unless
-i-own-this-target repeats its host, and the host is typed once more when asked
(without a terminal: TUITALK_BENCH_ATTACK_CONSENT has it).

Ctrl-C closes all connections and tells what was found until then.`,
	open: openAttack,
}

// consentVariable holds the host of a target where nobody can be asked.
const consentVariable = setting.BenchPrefix + "ATTACK_CONSENT"

// siege is what the flags of attack say.
type siege struct {
	target, gateway, gatewayArgs string
	own, admin                   string
	sources, honest              string
	only                         string
	list, quick                  bool
	json, html, junit, markdown  string
	hush, noColor                bool
	ca                           string
	insecure                     bool
	limits                       result.AttackThresholds
	leftOut                      []string
	attack.Options
}

func openAttack(self *command) (*form, func(*call) error, error) {
	f, s := newForm(self), &siege{Options: attack.Defaults()}
	s.limits.Floor = 20 * time.Millisecond
	f.StringVar(&s.target, "target", "", "`URL` of what is attacked, as ws://127.0.0.1:8080/ws")
	f.StringVar(&s.gateway, "gateway", "", "`program` tuitalk-gateway, which is started anew for each attack; default, if there is no -target:\nthe one in the same folder as this program")
	f.StringVar(&s.gatewayArgs, "gateway-args", "", "further `flags` for it, with spaces between them")
	f.StringVar(&s.own, "i-own-this-target", "", "the `host` of a target that is not this machine")
	f.IntVar(&s.PID, "pid", 0, "process `id` of the target, to see what the attacks cost it; with -gateway it is known")
	f.StringVar(&s.admin, "admin", "", "its `address` for operators, as 127.0.0.1:9190: is it ready, and what does it use")
	f.StringVar(&s.ca, "ca", "", "`file` with certificates (PEM) that are trusted besides the system's, for a wss:// target")
	f.BoolVar(&s.insecure, "insecure", false, "do not check the certificates of a wss:// target: for a test fleet only")
	f.BoolVar(&s.list, "list", false, "show the attacks, and make none")
	f.StringVar(&s.only, "only", "", "make only these attacks: `names` with commas")
	f.BoolVar(&s.quick, "quick", false, "for CI: a few seconds for each attack and fewer connections; those that need more time\nare left out unless -only names them")
	f.DurationVar(&s.Before, "before", s.Before, "how long it is quiet before each attack; -quick sets the three")
	f.DurationVar(&s.During, "during", s.During, "how long an attack takes, unless it needs its own time")
	f.DurationVar(&s.After, "after", s.After, "how long is looked on afterwards")
	f.IntVar(&s.People, "people", s.People, "honest people who talk")
	f.Float64Var(&s.Posts, "posts", s.Posts, "posts per second, of all of them")
	f.Float64Var(&s.Joins, "joins", s.Joins, "honest newcomers per second")
	f.StringVar(&s.sources, "sources", "", "`addresses` of this machine from which attackers dial; default for a target on loopback: 127.0.0.2,\nand more where an attack needs them")
	f.StringVar(&s.honest, "honest-sources", "", "`addresses` for honest people; default for a target on loopback: some in 127.77/16")
	f.StringVar(&s.json, "json", "", "write everything that was found to a `FILE`, for tuitalk-bench report")
	f.StringVar(&s.html, "html", "", "write a report with plots to a `FILE`, which needs nothing else")
	f.StringVar(&s.junit, "junit", "", "write what held and what did not to a `FILE`, for CI servers")
	f.StringVar(&s.markdown, "markdown", "", "write the tables to a `FILE` as Markdown")
	f.BoolVar(&s.hush, "quiet", false, "show nothing while it runs")
	f.BoolVar(&s.noColor, "no-color", false, "no colours; nor are there any if NO_COLOR is set or the output is no terminal")
	s.limits.Flags(f.FlagSet)
	f.group("What is attacked", "target", "gateway", "gateway-args", "i-own-this-target", "pid", "admin", "ca", "insecure")
	f.group("The attacks", "list", "only", "quick", "before", "during", "after", "sources")
	f.group("Honest people", "people", "posts", "joins", "honest-sources")
	f.group("What must hold, or the exit status is 1", "max-honest-p99-ratio", "max-join-ratio", "quiet-floor", "max-rss-growth", "max-honest-failures")
	f.group("What comes of it", "json", "html", "junit", "markdown", "quiet", "no-color")
	return f, s.run, nil
}

func (s *siege) run(c *call) error {
	if s.list {
		return listAttacks(c.stdout)
	}
	if err := s.check(c); err != nil {
		return usage{err}
	}
	if s.insecure {
		fmt.Fprint(c.stderr, warning)
	}
	show := newLive(c, s.hush, s.noColor)
	s.Command, s.Build, s.Machine, s.Tell = c.line(), build(), coordinator.HostInfo(), show.Print
	s.Show = show.UpdateAttack
	ctx, stop := interruptible()
	defer stop()
	found, err := attack.Run(ctx, s.Options)
	err = errors.Join(err, show.Close())
	if found == nil {
		return err
	}
	found.LeftOut = s.leftOut
	checks := found.Check(s.limits)
	return errors.Join(err, tellAttacks(c, found, checks, !s.noColor, attackFiles{s.json, s.html, s.junit, s.markdown}))
}

// attackFiles are what is written of a run.
type attackFiles struct{ json, html, junit, markdown string }

func tellAttacks(c *call, found *result.Attacks, checks []result.Check, color bool, files attackFiles) error {
	err := writeFiles([]output{
		{files.json, found.Write},
		{files.html, func(w io.Writer) error { return report.AttackHTML(w, found, checks) }},
		{files.junit, func(w io.Writer) error { return found.JUnit(w, checks) }},
		{files.markdown, found.Markdown},
	})
	if err != nil {
		return err
	}
	if err := found.Summary(c.stdout, color && colored(c.stdout)); err != nil {
		return err
	}
	return judge(c.stdout, checks)
}

// check finds what is wrong, and what is to be done.
func (s *siege) check(c *call) (err error) {
	for _, f := range []func() error{s.checkTarget, s.checkAddresses, s.checkAttacks, s.checkFiles} {
		if err := f(); err != nil {
			return err
		}
	}
	if _, err := measure.RaiseFiles(); err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return err
	}
	return s.checkConsent(c)
}

func (s *siege) checkTarget() (err error) {
	if s.target == "" && s.gateway == "" {
		s.gateway = beside("tuitalk-gateway")
	}
	switch {
	case s.target != "" && s.gateway != "":
		return errors.New("-target is a gateway that runs, and -gateway one that is started: leave out one")
	case s.target == "" && (s.PID != 0 || s.admin != "" || s.own != ""):
		return errors.New("-pid, -admin and -i-own-this-target are about a -target")
	case s.target != "" && s.gatewayArgs != "":
		return errors.New("-gateway-args are for a gateway that is started, and -target runs already")
	}
	if s.gateway != "" {
		if _, err := os.Stat(s.gateway); err != nil {
			return fmt.Errorf("-gateway: there is no %s; make build makes it", s.gateway)
		}
	}
	if s.PID != 0 {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", s.PID)); err != nil {
			return fmt.Errorf("-pid: there is no process %d on this machine", s.PID)
		}
	}
	if _, _, err := net.SplitHostPort(s.admin); s.admin != "" && err != nil {
		return fmt.Errorf("-admin: %q is not host:port, as 127.0.0.1:9190", s.admin)
	}
	s.URL, s.Program, s.Args, s.Admin = s.target, s.gateway, strings.Fields(s.gatewayArgs), s.admin
	s.Trust, err = policyOf(s.ca, s.insecure, []string{s.target})
	return err
}

func (s *siege) checkAddresses() (err error) {
	for _, list := range []struct {
		flag, text string
		into       *[]netip.Addr
	}{{"sources", s.sources, &s.Sources}, {"honest-sources", s.honest, &s.Honest}} {
		for _, one := range fields(list.text) {
			addr, err := netip.ParseAddr(one)
			if err != nil {
				return fmt.Errorf("-%s: %q is no address, as 127.0.0.2", list.flag, one)
			}
			*list.into = append(*list.into, addr)
		}
	}
	return nil
}

func (s *siege) checkAttacks() (err error) {
	names := fields(s.only)
	if len(names) > 0 {
		if s.Attacks, err = attack.Choose(s.Attacks, names); err != nil {
			return fmt.Errorf("-only: %w", err)
		}
	}
	if s.quick {
		s.leftOut = s.Hurry(len(names) > 0)
	}
	return nil
}

func (s *siege) checkFiles() error {
	for _, file := range []struct{ flag, name string }{{"json", s.json}, {"html", s.html}, {"junit", s.junit}, {"markdown", s.markdown}} {
		if file.name == "" {
			continue
		}
		if err := writable(file.name); err != nil {
			return fmt.Errorf("-%s: %w", file.flag, err)
		}
	}
	return nil
}

// checkConsent asks twice whether a target that is not this machine is the asker's.
func (s *siege) checkConsent(c *call) error {
	if s.URL == "" {
		return nil
	}
	t, err := attack.FindTarget(s.URL, &s.Trust)
	if err != nil {
		return err
	}
	s.Consent = attack.Consent{First: s.own, Second: s.own}
	if err := t.Allowed(s.Consent); err != nil {
		return fmt.Errorf("%w: -i-own-this-target %s says that it is", err, t.Name)
	}
	if here, err := t.Here(); here || err != nil {
		return err
	}
	if s.Consent.Second = again(c, t.Name); s.Consent.Second == t.Name {
		return nil
	}
	return fmt.Errorf("%s was not named a second time: type it when asked, or set %s=%s", t.Name, consentVariable, t.Name)
}

// again has somebody type the host once more, or takes it from the environment.
func again(c *call, host string) string {
	if text, ok := os.LookupEnv(consentVariable); ok {
		return text
	}
	if _, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS); err != nil {
		return ""
	}
	fmt.Fprintf(c.stderr, "Attacks on %s begin when you type its name once more: ", host)
	text, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return ""
	}
	return strings.TrimSpace(text)
}

func listAttacks(w io.Writer) error {
	for _, a := range attack.List() {
		if _, err := fmt.Fprintf(w, "%-22s %s\n%-22s looks for: %s\n%-22s %s\n", a.Name, a.What, "", a.Weakness, "", a.Size()); err != nil {
			return err
		}
	}
	return nil
}
