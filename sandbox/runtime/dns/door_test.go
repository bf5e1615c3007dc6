package dns_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/dns"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
)

// world is a door to two colours, each of which answers with its name and the
// address of the client.
type world struct {
	door *dns.Door
	zone *dns.Zone
}

func open(t *testing.T) *world {
	t.Helper()
	endpoints := map[string]map[int]string{}
	for _, color := range []string{"blue", "green"} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			_, _ = io.WriteString(w, color+" "+host)
		})
		plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
		t.Cleanup(plain.Close)
		t.Cleanup(secure.Close)
		endpoints[color] = map[int]string{80: plain.Listener.Addr().String(), 443: secure.Listener.Addr().String()}
	}
	w := &world{zone: dns.NewZone(dns.Options{Scale: 60, Target: targets()})}
	var err error
	w.door, err = dns.OpenDoor(w.zone, dns.DoorOptions{Endpoint: func(answer dns.Answer, port int) (string, bool) {
		address, ok := endpoints[answer.Address][port]
		return address, ok
	}})
	require.NoError(t, err)
	t.Cleanup(w.door.Close)
	return w
}

// ask sends a request on a new connection from an address.
func (w *world) ask(scheme, host, from string) (string, error) {
	door := map[string]string{"http": w.door.HTTP, "https": w.door.HTTPS}[scheme]
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, door)
		},
	}
	resp, err := (&http.Client{Transport: transport, Timeout: runtimetest.Patience}).Get(scheme + "://" + host + "/")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestDoorLeadsToTheColourOfTheName(t *testing.T) {
	t.Parallel()
	w := open(t)
	require.NoError(t, w.zone.Set([]dns.Record{
		weighted("green", 1),
		{Name: "example.com", Failover: dns.Primary, Alias: &dns.Alias{Name: live}},
		{Name: "blue.example.com", Alias: &dns.Alias{Name: "blue.elb.amazonaws.com"}},
		{Name: "other.example.com", Alias: &dns.Alias{Name: "other.elb.amazonaws.com"}},
	}))
	for _, scheme := range []string{"http", "https"} {
		for host, want := range map[string]string{live: "green", "example.com": "green", "blue.example.com": "blue", "blue.example.com:8443": "blue"} {
			got, err := w.ask(scheme, host, "127.9.0.1")
			require.NoError(t, err)
			assert.Equal(t, want+" 127.9.0.1", got, "%s://%s", scheme, host)
		}
		for _, host := range []string{"unknown.example.com", "other.example.com"} {
			_, err := w.ask(scheme, host, "127.9.0.1")
			require.Error(t, err)
		}
	}
}

func TestAnswersAreKeptForTheirTTL(t *testing.T) {
	t.Parallel()
	w := open(t)
	require.NoError(t, w.zone.Set([]dns.Record{weighted("blue", 1)}))
	color := func(from string) string {
		got, err := w.ask("http", live, from)
		require.NoError(t, err)
		return got[:4]
	}
	asked := time.Now()
	assert.Equal(t, "blue", color("127.9.0.1"))
	require.NoError(t, w.zone.Set([]dns.Record{weighted("green", 1)}))
	again := color("127.9.0.1")
	if time.Since(asked) < time.Second { // the TTL is over a second after the answer, or later.
		assert.Equal(t, "blue", again, "its resolver has not forgotten")
	}
	assert.Equal(t, "gree", color("127.9.0.2"), "another client asks anew")
	assert.Eventually(t, func() bool { return color("127.9.0.1") == "gree" }, runtimetest.Patience, 10*time.Millisecond)
	assert.Greater(t, time.Since(asked), time.Second)
}

// What is open stays where it went, as connections do.
func TestConnectionsStay(t *testing.T) {
	t.Parallel()
	w := open(t)
	require.NoError(t, w.zone.Set([]dns.Record{weighted("blue", 1)}))
	conn, err := net.Dial("tcp", w.door.HTTP)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}}
	for range 2 {
		resp, err := client.Get("http://" + live)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		_ = resp.Body.Close()
		assert.Equal(t, "blue 127.0.0.1", string(body))
		require.NoError(t, w.zone.Set([]dns.Record{weighted("green", 1)}))
		time.Sleep(1100 * time.Millisecond) // the TTL is over.
	}
	w.door.Close()
	_, err = conn.Read(make([]byte, 1))
	require.Error(t, err, "the door closes what is open")
}

func TestDoorRefusesNonsense(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, address := range []string{w.door.HTTP, w.door.HTTPS} {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		_, err = io.WriteString(conn, "nonsense\r\n\r\n")
		require.NoError(t, err)
		_, err = io.ReadAll(conn)
		require.NoError(t, err, "it is closed")
		require.NoError(t, conn.Close())
	}
	_, err := dns.OpenDoor(w.zone, dns.DoorOptions{HTTPS: w.door.HTTPS})
	require.ErrorContains(t, err, "opening the front door on "+w.door.HTTPS)
}
