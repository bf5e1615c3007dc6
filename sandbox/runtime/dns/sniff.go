package dns

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
)

// maxBegin bounds what is read of a connection to find the name that it is for.
const maxBegin = 64 << 10

// sniffHost reads the first request of a connection and returns its host, and
// what was read.
func sniffHost(conn net.Conn) (name string, begin []byte, err error) {
	var read bytes.Buffer
	r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(io.LimitReader(conn, maxBegin), &read)))
	if err != nil {
		return "", nil, err
	}
	name = r.Host
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		name = host
	}
	return name, read.Bytes(), nil
}

// errSniffed ends a handshake whose server name is known.
var errSniffed = errors.New("sniffed")

// sniffServerName reads the beginning of a TLS handshake and returns its server
// name, and what was read.
func sniffServerName(conn net.Conn) (name string, begin []byte, err error) {
	var read bytes.Buffer
	silent := oneWay{conn, io.TeeReader(io.LimitReader(conn, maxBegin), &read)}
	err = tls.Server(silent, &tls.Config{ // no handshake is ever completed
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			name = hello.ServerName
			return nil, errSniffed
		},
	}).Handshake()
	if !errors.Is(err, errSniffed) {
		return "", nil, err
	}
	return name, read.Bytes(), nil
}

// oneWay is a connection that nothing is written to.
type oneWay struct {
	net.Conn
	reader io.Reader
}

func (o oneWay) Read(p []byte) (int, error)  { return o.reader.Read(p) }
func (o oneWay) Write(p []byte) (int, error) { return len(p), nil }
