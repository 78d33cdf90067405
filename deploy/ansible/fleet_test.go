//go:build integration && nightly && machines

package ansible

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/client"
	"tuitalk/deploy/machine"
	"tuitalk/talk"
)

// fresh is what a Debian has that an operator gets, and what apt can get him.
var fresh = machine.Packages{
	Installed: []string{"openssh-server", "python3", "python3-apt"},
	Offered:   []string{"etcd-client", "etcd-server", "keepalived", "nginx", "patroni", "postgresql", "prometheus", "redis-server"},
}

const (
	host    = "chat.example"
	virtual = "10.0.0.100" // the balancers'
)

// fleet is its machines, and the operator's folder.
type fleet struct {
	t         *testing.T
	network   *machine.Network
	base      string
	dir       string
	machines  map[string]*machine.Machine
	addresses map[string]string
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, dir: t.TempDir(), machines: map[string]*machine.Machine{}, addresses: map[string]string{}}
	making, cancel := context.WithTimeout(t.Context(), 20*time.Minute) // the base, the first time
	defer cancel()
	var err error
	if f.base, err = machine.Base(making, fresh); err != nil {
		t.Fatal(err)
	}
	if f.network, err = machine.NewNetwork("10.0.0.1/24"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.network.Close)
	f.local("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(f.dir, "key"))
	f.local("../debian/build.sh", runtime.GOARCH, "v1.0.0", f.dir, "tuitalk-gateway")
	return f
}

// local runs a command of the operator, which must succeed.
func (f *fleet) local(command ...string) {
	f.t.Helper()
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		f.t.Fatalf("%q: %v\n%s", command, err, out)
	}
}

// start boots a fresh machine with an address, which its operator can reach by SSH.
func (f *fleet) start(name, address string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 5*time.Minute)
	defer cancel()
	m, err := machine.Start(ctx, name, f.base, f.network)
	if err != nil {
		f.t.Fatal(err)
	}
	f.machines[name], f.addresses[name] = m, address
	f.t.Cleanup(func() { f.off(name) })
	key, err := os.ReadFile(filepath.Join(f.dir, "key.pub"))
	if err != nil {
		f.t.Fatal(err)
	}
	f.do(name, fmt.Sprintf(`ip link set eth0 up && ip address add %s/24 dev eth0 &&
		mkdir -m 700 -p /root/.ssh && echo '%s' >/root/.ssh/authorized_keys && touch /var/lib/apt/periodic/update-success-stamp`, address, strings.TrimSpace(string(key))))
}

// off takes a machine's power away.
func (f *fleet) off(name string) {
	f.t.Helper()
	if m := f.machines[name]; m != nil {
		delete(f.machines, name)
		if err := m.Close(); err != nil {
			f.t.Error(err)
		}
	}
}

// do runs a command on a machine, which must succeed.
func (f *fleet) do(name, command string) string {
	f.t.Helper()
	out, err := f.try(name, command)
	if err != nil {
		f.t.Fatalf("%s: %v", name, err)
	}
	return out
}

func (f *fleet) try(name, command string) (string, error) {
	ctx, cancel := context.WithTimeout(f.t.Context(), 2*time.Minute)
	defer cancel()
	out, err := f.machines[name].Run(ctx, "sh", "-c", command)
	return strings.TrimSpace(out), err
}

// until waits for something to become true.
func (f *fleet) until(what string, is func() error) {
	f.t.Helper()
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = is(); err == nil {
			return
		}
	}
	f.t.Fatalf("not in two minutes: %s: %v", what, err)
}

// inventory writes who is what.
func (f *fleet) inventory(groups map[string][]string) {
	f.t.Helper()
	packages, err := filepath.Glob(filepath.Join(f.dir, "tuitalk-gateway_*.deb"))
	if err != nil || len(packages) != 1 {
		f.t.Fatalf("the packages are %q, %v", packages, err)
	}
	text := "[all:vars]\nansible_user=root\nansible_ssh_private_key_file=" + filepath.Join(f.dir, "key") +
		"\nchat_host=" + host + "\nbalancer_address=" + virtual + "/24\ngateway_package=" + packages[0] +
		"\npostgres_shared_buffers=64MB\nredis_maxmemory=64mb\n"
	for group, names := range groups {
		text += "[" + group + "]\n"
		for _, name := range names {
			text += name + " ansible_host=" + f.addresses[name] + "\n"
		}
	}
	if err := os.WriteFile(filepath.Join(f.dir, "inventory.ini"), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

var (
	taskLine    = regexp.MustCompile(`^(?:TASK|RUNNING HANDLER) \[(.*)\] \**$`)
	changedLine = regexp.MustCompile(`^changed: \[([^\] ]*)`)
)

// play runs the playbook, and returns what it has changed, as "machine: role : task".
func (f *fleet) play() (changed []string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 90*time.Minute) // minutes, but on a busy machine
	defer cancel()
	begin := time.Now()
	command := strings.Replace(runs, "inventory.ini", filepath.Join(f.dir, "inventory.ini"), 1)
	out, err := f.network.Run(ctx, []string{"ANSIBLE_HOST_KEY_CHECKING=false", "ANSIBLE_HOME=" + f.dir, "ANSIBLE_SSH_CONTROL_PATH_DIR=" + f.dir, "ANSIBLE_NOCOLOR=1"}, strings.Fields(command)...)
	if err != nil {
		f.t.Fatal(err)
	}
	task := ""
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if found := taskLine.FindStringSubmatch(line); found != nil {
			task = found[1]
		} else if found := changedLine.FindStringSubmatch(line); found != nil {
			changed = append(changed, found[1]+": "+task)
		}
	}
	f.t.Logf("the playbook took %.0f s and changed %d things", time.Since(begin).Seconds(), len(changed))
	return changed
}

// transport reaches a machine's server as people do: by the name, whatever the address.
func (f *fleet) transport(address string) *http.Transport {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, "secrets/ca.crt"))
	if err != nil {
		f.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return f.network.Dial(ctx, network, net.JoinHostPort(address, port))
		},
	}
}

// person is somebody in room 7.
type person struct {
	t    *testing.T
	ws   *websocket.Conn
	uuid talk.UUID
}

func (f *fleet) enter(address string) (p *person) {
	f.t.Helper()
	f.until("somebody is in by "+address, func() (err error) {
		p, err = f.tryEnter(address)
		return err
	})
	f.t.Cleanup(func() { _ = p.ws.CloseNow() })
	return p
}

// patience bounds each wait for an answer; a machine that is off gives none.
const patience = 20 * time.Second

func (f *fleet) tryEnter(address string) (*person, error) {
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "wss://"+host+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: f.transport(address)}})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(1 << 20)
	p := &person{t: f.t, ws: ws}
	err = p.say(talk.Hello{Client: "test", Secret: client.NewSecret()})
	for err == nil {
		var m talk.Message
		switch m, err = p.next(); m := m.(type) {
		case talk.Welcome:
			p.uuid = m.UUID
			err = p.say(talk.JoinRoom{RoomID: 7, UUID: p.uuid, Username: "somebody"})
		case talk.Joined:
			return p, nil
		case talk.Error:
			err = fmt.Errorf("refused: %s %s", m.Code, m.Message)
		}
	}
	_ = ws.CloseNow()
	return nil, err
}

func (p *person) say(m talk.Message) error {
	text, err := talk.Append(nil, talk.Extended, m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	return p.ws.Write(ctx, websocket.MessageText, text)
}

func (p *person) next() (talk.Message, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	_, text, err := p.ws.Read(ctx)
	if err != nil {
		return nil, err
	}
	return talk.Decode(talk.Extended, text)
}

// store posts a text and waits until it is stored.
func (p *person) store(text string, id talk.UUID) error {
	if err := p.say(talk.Entry{Kind: talk.KindPosted, RoomID: 7, Author: p.uuid, ID: id, Text: text}); err != nil {
		return err
	}
	for {
		switch m, err := p.next(); m := m.(type) {
		case talk.Stored:
			if m.ID == id {
				return nil
			}
		case talk.Error:
			return fmt.Errorf("refused: %s %s", m.Code, m.Message)
		case nil:
			return err
		}
	}
}

func newID() talk.UUID {
	var random [16]byte
	_, _ = rand.Read(random[:])
	return talk.MakeUUID(4, random)
}

// hears waits for a text.
func (p *person) hears(text string) error {
	for {
		m, err := p.next()
		if err != nil {
			return err
		}
		if e, is := m.(talk.Entry); is && e.Text == text {
			return nil
		}
	}
}

// chat: what somebody says at one balancer is stored, and arrives at the other.
func (f *fleet) chat(from, to, text string) {
	f.t.Helper()
	author, reader := f.enter(from), f.enter(to)
	if err := author.store(text, newID()); err != nil {
		f.t.Fatalf("%q is not stored: %v", text, err)
	}
	if err := reader.hears(text); err != nil {
		f.t.Fatalf("%q does not arrive: %v", text, err)
	}
}

// TestFleet: the playbook makes a fleet of three fresh machines, in which people chat over
// two balancers; a second run changes nothing.
func TestFleet(t *testing.T) {
	f := newFleet(t)
	all := []string{"one", "two", "three"}
	for i, name := range all {
		f.start(name, fmt.Sprintf("10.0.0.%d", 11+i))
	}
	f.inventory(map[string][]string{"balancers": all[:2], "gateways": all, "etcd": all, "postgres": all, "redis": all, "prometheus": all[2:]})

	f.play()
	f.chat(f.addresses["one"], f.addresses["two"], "made")
	f.chat(virtual, virtual, "at the address that the balancers share")
	f.secured()
	f.guarded()

	if changed := f.play(); len(changed) > 0 {
		t.Errorf("the second run has changed\n%s", strings.Join(changed, "\n"))
	}
}

// secured: who comes without TLS is sent to it, and browsers are told to stay there.
func (f *fleet) secured() {
	f.t.Helper()
	once := &http.Client{
		Transport:     f.transport(f.addresses["one"]),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for address, want := range map[string]struct {
		status        int
		header, value string
	}{
		"http://" + host + "/a?b": {http.StatusPermanentRedirect, "Location", "https://" + host + "/a?b"},
		"https://" + host + "/":   {http.StatusOK, "Strict-Transport-Security", "max-age=31536000"},
	} {
		answer, err := once.Get(address)
		if err != nil {
			f.t.Error(err)
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want.status || answer.Header.Get(want.header) != want.value {
			f.t.Errorf("%s: %s, %s is %q", address, answer.Status, want.header, answer.Header.Get(want.header))
		}
	}
}

// guarded: a stranger in the private network reaches the balancers only.
func (f *fleet) guarded() {
	f.t.Helper()
	for _, port := range []string{"8080", "9190", "7000", "7001", "17000", "5432", "8008", "2379", "2380", "9090"} {
		conn, err := f.network.Dial(f.t.Context(), "tcp", net.JoinHostPort(f.addresses["three"], port))
		if err == nil {
			_ = conn.Close()
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			f.t.Errorf("a stranger at port %s: %v", port, err)
		}
		f.do("three", "ss -Hltn 'sport = "+port+"' | grep -q .") // somebody listens there
	}
}
