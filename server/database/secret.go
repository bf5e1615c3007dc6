package database

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sony/gobreaker/v2"
)

// secretAge is how long a secret is used without reading it again: the
// connections of a pool that fills up share one request.
const secretAge = 10 * time.Second

// login is the user and password of a secret, in the format of RDS:
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
type login struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// secret is a login that may be rotated at any time.
type secret struct {
	name    string
	read    func(context.Context) (login, error)
	breaker *gobreaker.CircuitBreaker[login]

	mu     sync.Mutex // held while reading, so that many readers make one request
	login  login
	expiry time.Time
}

// beforeConnect gives a new connection the user and password.
func (s *secret) beforeConnect(ctx context.Context, conn *pgx.ConnConfig) error {
	l, err := s.get(ctx)
	if err != nil {
		return fmt.Errorf("reading secret %q: %w", s.name, err)
	}
	conn.User, conn.Password = l.Username, l.Password
	return nil
}

func (s *secret) get(ctx context.Context) (login, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.expiry) {
		return s.login, nil
	}
	l, err := s.breaker.Execute(func() (login, error) { return s.read(ctx) })
	if err == nil {
		s.login, s.expiry = l, time.Now().Add(secretAge)
	}
	return l, err
}

// forget makes the next connection read the secret anew.
func (s *secret) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expiry = time.Time{}
}
