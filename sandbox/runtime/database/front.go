package database

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// loginTimeout is PostgreSQL's own.
const loginTimeout = time.Minute

// Codes of PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	protocolViolation    = "08P01"
	invalidAuthorization = "28000"
	cannotConnectNow     = "57P03"
)

// Options of a front.
type Options struct {
	// Address is a loopback address and port. Default "127.0.0.1:0", a free port.
	Address string
	// Admin is the URL of a superuser of the server behind. The front asks as him
	// who is a member of rds_iam, and gives each a password that only it knows.
	// Required.
	Admin string
	// Endpoint is the host and port that tokens must be signed for. Default: where
	// the front listens.
	Endpoint string
	// Region is the one that tokens must be signed for. Required.
	Region string
	// SecretKey is that of an access key, if there is such. Required.
	SecretKey func(accessKeyID string) (secret string, ok bool)
}

// Front is a listener of PostgreSQL's protocol.
type Front struct {
	opts     Options
	admin    *pgx.ConnConfig
	password string // of all members of rds_iam
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu    sync.Mutex
	open  int
	login sync.Mutex // held while a member is given its password
}

// Listen starts a front. The server behind may come later.
func Listen(ctx context.Context, opts Options) (*Front, error) {
	admin, err := pgx.ParseConfig(opts.Admin)
	if err != nil || opts.Region == "" || opts.SecretKey == nil {
		return nil, errors.New("the front of a database: Admin must be a URL, and Region and SecretKey are required")
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cmp.Or(opts.Address, "127.0.0.1:0"))
	if err != nil {
		return nil, fmt.Errorf("the front of a database: %w", err)
	}
	f := &Front{opts: opts, admin: admin, password: rand.Text(), listener: listener}
	f.ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	f.opts.Endpoint = cmp.Or(opts.Endpoint, f.Address())
	f.running.Go(f.accept)
	return f, nil
}

// Address is where the front listens: an IP address and a port.
func (f *Front) Address() string { return f.listener.Addr().String() }

// Connections is how many clients are logged in now.
func (f *Front) Connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

// Close ends all connections and returns when they have.
func (f *Front) Close() {
	f.cancel()
	_ = f.listener.Close()
	f.running.Wait()
}

func (f *Front) accept() {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.running.Go(func() {
			defer client.Close()
			defer context.AfterFunc(f.ctx, func() { _ = client.Close() })()
			_ = client.SetDeadline(time.Now().Add(loginTimeout))
			f.serve(client)
		})
	}
}

// serve logs a client in and then stands aside.
func (f *Front) serve(client net.Conn) {
	backend := pgproto3.NewBackend(client, client)
	startup, password := f.receive(client, backend)
	if startup == nil {
		return
	}
	server, err := f.connect(startup.Parameters, password)
	if err != nil {
		var refused *pgconn.PgError
		if !errors.As(err, &refused) {
			refused = &pgconn.PgError{Code: cannotConnectNow, Message: err.Error()}
		}
		backend.Send(&pgproto3.ErrorResponse{
			Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: refused.Code, Message: refused.Message, Detail: refused.Detail,
		})
		_ = backend.Flush()
		return
	}
	defer server.Conn.Close()
	backend.Send(&pgproto3.AuthenticationOk{})
	for name, value := range server.ParameterStatuses {
		backend.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
	}
	backend.Send(&pgproto3.BackendKeyData{ProcessID: server.PID, SecretKey: server.SecretKey})
	backend.Send(&pgproto3.ReadyForQuery{TxStatus: server.TxStatus})
	if backend.Flush() != nil || client.SetDeadline(time.Time{}) != nil {
		return
	}
	f.count(1)
	defer f.count(-1)
	f.running.Go(func() {
		_, _ = io.Copy(client, server.Conn)
		_ = client.Close()
	})
	_, _ = io.Copy(server.Conn, client)
}

func (f *Front) count(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open += n
}

// receive returns a client's first message and its password, or none when it is
// gone or wanted something else.
func (f *Front) receive(client net.Conn, backend *pgproto3.Backend) (*pgproto3.StartupMessage, string) {
	for {
		message, err := backend.ReceiveStartupMessage()
		if err != nil {
			return nil, ""
		}
		switch m := message.(type) {
		case *pgproto3.SSLRequest, *pgproto3.GSSEncRequest:
			if _, err := client.Write([]byte("N")); err != nil {
				return nil, ""
			}
		case *pgproto3.CancelRequest:
			f.cancelQuery(m)
			return nil, ""
		case *pgproto3.StartupMessage:
			backend.Send(&pgproto3.AuthenticationCleartextPassword{})
			if backend.Flush() != nil || backend.SetAuthType(pgproto3.AuthTypeCleartextPassword) != nil {
				return nil, ""
			}
			answer, _ := backend.Receive()
			password, ok := answer.(*pgproto3.PasswordMessage)
			if !ok {
				return nil, ""
			}
			return m, password.Password
		}
	}
}

// cancelQuery passes the message on: its key is the server's.
func (f *Front) cancelQuery(m *pgproto3.CancelRequest) {
	message, err := m.Encode(nil)
	if err != nil {
		return
	}
	server, err := new(net.Dialer).DialContext(f.ctx, "tcp", net.JoinHostPort(f.admin.Host, fmt.Sprint(f.admin.Port)))
	if err != nil {
		return
	}
	defer server.Close()
	_, _ = server.Write(message)
	_, _ = io.Copy(io.Discard, server) // the server closes when it has cancelled.
}

// connect logs in to the server behind as the client's user.
func (f *Front) connect(parameters map[string]string, password string) (*pgconn.HijackedConn, error) {
	ctx, cancel := context.WithTimeout(f.ctx, loginTimeout)
	defer cancel()
	cfg := f.admin.Config.Copy()
	cfg.User, cfg.Database = parameters["user"], cmp.Or(parameters["database"], parameters["user"])
	cfg.RuntimeParams = map[string]string{}
	for name, value := range parameters {
		if name != "user" && name != "database" {
			cfg.RuntimeParams[name] = value
		}
	}
	if cfg.User == "" {
		return nil, &pgconn.PgError{Code: protocolViolation, Message: "no user was given"}
	}
	member, err := f.member(ctx, cfg.User, password)
	if err != nil {
		return nil, err
	}
	cfg.Password = password
	if member {
		cfg.Password = f.password
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	// After a slow write pgconn reads in the background: what it has read would be lost.
	if err := conn.SyncConn(ctx); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn.Hijack()
}

// memberQuery finds who the line "+rds_iam" of pg_hba.conf is for, whatever the
// membership is good for: to whoever may only administer a member, too. That the
// master user may grant rds_iam is no membership in RDS, where it needs one here.
// https://www.postgresql.org/docs/16/auth-pg-hba-conf.html
const memberQuery = `WITH RECURSIVE members (id) AS (
		SELECT oid FROM pg_roles WHERE rolname = 'rds_iam'
	UNION
		SELECT m.member FROM members JOIN pg_auth_members m ON m.roleid = members.id JOIN pg_roles r ON r.oid = m.roleid
		WHERE NOT (r.rolname = 'rds_iam' AND m.admin_option)
	) SELECT EXISTS (SELECT FROM members JOIN pg_roles r ON r.oid = id WHERE r.rolname = $1 AND NOT r.rolsuper)`

// member reports whether a user is a member of rds_iam, whose token is then good,
// and which the front can then log in.
func (f *Front) member(ctx context.Context, user, token string) (member bool, err error) {
	admin, err := pgx.ConnectConfig(ctx, f.admin)
	if err != nil {
		return false, err
	}
	defer admin.Close(ctx)
	err = admin.QueryRow(ctx, memberQuery, user).Scan(&member)
	if err != nil || !member {
		return false, err
	}
	if err := f.opts.check(token, user, f.opts.Endpoint, time.Now()); err != nil {
		return false, &pgconn.PgError{Code: invalidAuthorization, Message: fmt.Sprintf("PAM authentication failed for user %q: %v", user, err)}
	}
	f.login.Lock()
	defer f.login.Unlock()
	_, err = admin.Exec(ctx, "ALTER ROLE "+pgx.Identifier{user}.Sanitize()+" PASSWORD '"+f.password+"'")
	return true, err
}
