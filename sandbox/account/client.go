package account

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
)

// Roots trust the certificates here.
func (s Status) Roots() (*x509.CertPool, error) {
	text, err := os.ReadFile(s.Authority)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authority: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return roots, nil
}

// Client sends every request in at the front door, whatever its host. It follows no
// redirect.
func (s Status) Client() (*http.Client, error) {
	roots, err := s.Roots()
	if err != nil {
		return nil, err
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				door := s.Door.HTTPS
				if _, port, _ := net.SplitHostPort(address); port == "80" {
					door = s.Door.HTTP
				}
				return new(net.Dialer).DialContext(ctx, network, door)
			},
		},
	}, nil
}
