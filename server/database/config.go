package database

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// maxConns is enough: one writer of usage, the health check and queries
	// that people make. Blue, green and their deployments share the database.
	maxConns       = 4
	connectTimeout = 5 * time.Second
)

// Config says which database to use and how. Only URL is required.
type Config struct {
	// URL is of the form postgres://user@host:5432/name?sslmode=verify-full,
	// with the options of libpq and pgxpool: pool_max_conns is 4 and
	// connect_timeout 5 (seconds) unless it says otherwise. A host that is not
	// this machine needs verify-full, or its certificate would not be checked.
	// For an RDS host without sslrootcert, exactly Amazon's authorities for RDS
	// are trusted.
	URL string

	// IAM makes the password of each connection a token of RDS's IAM database
	// authentication, signed for the user, host and port of the URL with the AWS
	// SDK's default credentials, in the region of the host's name or of
	// AWS_REGION. Default: the password of the URL.
	IAM bool

	// Login is the user and password with which [Migrate] works, in the format of
	// RDS's secrets: {"username": "…", "password": "…"}. The URL is then the
	// server's, whose user is another one. [Open] refuses it. Default: [Migrate]
	// works as the URL's user.
	Login string

	// Breaker sets when the circuit breaker opens.
	Breaker Breaker

	// OnStateChange is told that the circuit breaker, "database", went from one
	// state ("closed", "half-open", "open") to another. It must return soon and
	// not use the [DB]. Default: nothing.
	OnStateChange func(name, from, to string)

	// Logger is told the same. Default: [slog.Default].
	Logger *slog.Logger

	// LockTimeout is how long [Migrate] waits for another one to finish, in
	// whole seconds. Default: one minute.
	LockTimeout time.Duration
}

// Breaker are the settings of a circuit breaker.
type Breaker struct {
	// Threshold is after how many failures in a row it opens. Default: 5.
	Threshold uint32
	// Timeout is how long it stays open before it lets one request through.
	// Default: one minute.
	Timeout time.Duration
}

// Validate returns what is wrong with the URL and the login.
func (c Config) Validate() error {
	_, err := c.poolConfig()
	return err
}

// poolConfig checks the URL and the login. Its errors never quote the URL, since
// parts of a password end up anywhere in a URL that is written wrong.
func (c Config) poolConfig() (*pgxpool.Config, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Opaque != "" || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return nil, errors.New("database URL: must be of the form postgres://user@host:5432/name?sslmode=verify-full: " +
			"write special characters of a password as %XX")
	}
	query := u.Query()
	if query.Has("password") || query.Has("sslpassword") {
		return nil, errors.New("database URL: must not have a password among its parameters: write it as user:password@host")
	}
	password, hasPassword := u.User.Password()
	switch {
	case hasPassword && c.IAM:
		return nil, errors.New("database URL: must not have a password when IAM signs one: remove one of them")
	case hasPassword && c.Login != "":
		return nil, errors.New("database URL: must not have a password when there is a login: remove one of them")
	}
	if hasPassword {
		u.User = url.User(u.User.Username()) // pgx quotes the URL in its errors
	}
	cfg, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	if hasPassword {
		cfg.ConnConfig.Password = password
	}
	if err := c.authenticate(cfg, u.User.Username()); err != nil {
		return nil, err
	}
	if !query.Has("pool_max_conns") {
		cfg.MaxConns = maxConns
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	return cfg, secure(&cfg.ConnConfig.Config)
}

// user is that of a URL that was checked.
func (c Config) user() string {
	u, _ := url.Parse(c.URL)
	return u.User.Username()
}

// authenticate sets how connections log in, unless the URL says it all.
func (c Config) authenticate(cfg *pgxpool.Config, user string) error {
	if c.Login != "" {
		l, err := parseLogin(c.Login, user)
		cfg.ConnConfig.User, cfg.ConnConfig.Password = l.Username, l.Password
		return err
	}
	if c.IAM {
		cfg.BeforeConnect = new(tokens).beforeConnect
		return checkIAM(&cfg.ConnConfig.Config, user)
	}
	return nil
}

// secure makes sure that every host that may be tried is this machine, or is
// verified; the hosts of RDS by Amazon's authorities.
func secure(cfg *pgconn.Config) error {
	hosts := append([]*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port, TLSConfig: cfg.TLSConfig}}, cfg.Fallbacks...)
	for _, h := range hosts {
		network, _ := pgconn.NetworkAddress(h.Host, h.Port)
		switch {
		case network == "unix" || h.Host == "localhost" || net.ParseIP(h.Host).IsLoopback():
		case h.TLSConfig == nil || h.TLSConfig.InsecureSkipVerify:
			return fmt.Errorf("database URL: sslmode must be verify-full for host %q, which is not this machine: add sslmode=verify-full", h.Host)
		case h.TLSConfig.RootCAs == nil && strings.HasSuffix(h.Host, ".rds.amazonaws.com"):
			h.TLSConfig.RootCAs = rdsAuthorities()
		}
	}
	return nil
}
