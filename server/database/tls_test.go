package database

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRDSBundle(t *testing.T) {
	t.Parallel()
	want, n := x509.NewCertPool(), 0
	for block, rest := pem.Decode(rdsBundle); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		assert.True(t, cert.IsCA)
		assert.Greater(t, cert.NotAfter, time.Now(), "%s has expired: the bundle's first lines say how to refresh it", cert.Subject)
		want.AddCert(cert)
		n++
	}
	assert.GreaterOrEqual(t, n, 81, "three for each region")
	assert.True(t, want.Equal(rdsAuthorities()))
}

// certificate returns one that signs itself, for the names.
func certificate(t *testing.T, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// postgresWithTLS begins a connection as PostgreSQL does and tells whether the
// client trusts its certificate.
func postgresWithTLS(t *testing.T, cert tls.Certificate) (address string, trusted <-chan bool) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	handshakes := make(chan bool, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		// https://www.postgresql.org/docs/15/protocol-flow.html#id-1.10.6.7.12
		if _, err := io.CopyN(io.Discard, conn, 8); err != nil {
			return
		}
		_, _ = conn.Write([]byte("S"))
		cfg := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}
		handshakes <- tls.Server(conn, cfg).HandshakeContext(context.Background()) == nil
	}()
	return listener.Addr().String(), handshakes
}

func TestServersAreVerified(t *testing.T) {
	t.Parallel()
	const rds = "db.abc.eu-central-1.rds.amazonaws.com"
	cert := certificate(t, "example.com", rds)
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	require.NoError(t, os.WriteFile(file, text, 0o600))

	tests := map[string]struct {
		host, sslrootcert string
		want              any
	}{
		"known":                          {"example.com", file, nil},
		"another name":                   {"example.org", file, new(x509.HostnameError)},
		"unknown authority":              {"example.com", "", new(x509.UnknownAuthorityError)},
		"RDS, not signed by Amazon":      {rds, "", new(x509.UnknownAuthorityError)},
		"RDS, signed by whom it is told": {rds, file, nil},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			address, trusted := postgresWithTLS(t, cert)
			query := url.Values{"sslmode": {"verify-full"}}
			if tt.sslrootcert != "" {
				query.Set("sslrootcert", tt.sslrootcert)
			}
			cfg, err := Config{URL: "postgres://user@" + tt.host + "/codeflow?" + query.Encode()}.poolConfig()
			require.NoError(t, err)
			cfg.ConnConfig.LookupFunc = func(context.Context, string) ([]string, error) { return []string{address}, nil }

			_, err = pgx.ConnectConfig(t.Context(), cfg.ConnConfig)
			require.Error(t, err, "when all else is well, because it is no PostgreSQL")
			assert.Equal(t, tt.want == nil, <-trusted)
			if tt.want != nil {
				assert.ErrorAs(t, err, tt.want)
			}
		})
	}
}

func TestWhichAuthoritiesAreTrusted(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]*x509.CertPool{
		"db.abc.eu-central-1.rds.amazonaws.com": rdsAuthorities(),
		"db.example.com":                        nil, // those of the system
		"notrds.amazonaws.com":                  nil,
	} {
		cfg, err := Config{URL: "postgres://user@" + host + "/codeflow?sslmode=verify-full"}.poolConfig()
		require.NoError(t, err)
		assert.Same(t, want, cfg.ConnConfig.TLSConfig.RootCAs, host)
		assert.Equal(t, host, cfg.ConnConfig.TLSConfig.ServerName)
		assert.EqualValues(t, maxConns, cfg.MaxConns)
	}
}

func BenchmarkRDSAuthorities(b *testing.B) {
	for b.Loop() {
		x509.NewCertPool().AppendCertsFromPEM(rdsBundle)
	}
}
