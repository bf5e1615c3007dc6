// Package control lets other processes see and hurt the account of a sandbox that runs:
// [Serve] in the one that has it, [Dial] in the others. What AWS has a call for is not
// here: see [account.Account.Access].
package control

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/logs"
)

// Account is what may be done with an account that runs; [account.Account] is one.
type Account interface {
	Status() (account.Status, error)
	Logs(service string, since time.Time) ([]logs.Event, error)
	SetFault(fault string, on bool) error
	Drift(typ, name, property, value string) error
	Sweep(stack string, known [][2]string) (removed []string, err error)
	Access(role string) (account.Access, error)
	Calls() ([]awsapi.Count, error)
}

var (
	_ Account = (*account.Account)(nil)
	_ Account = (*Client)(nil)
)

// Serve answers on a free loopback port until the context ends. The address begins with
// a token, without which other users of the machine get no answer.
func Serve(ctx context.Context, a Account) (address string, err error) {
	server := rpc.NewServer()
	if err := server.RegisterName("Account", &methods{a}); err != nil {
		return "", fmt.Errorf("serving the account: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("serving the account: %w", err)
	}
	token := rand.Text()
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // it was closed.
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			go func() {
				got := make([]byte, len(token))
				if _, err := io.ReadFull(conn, got); err != nil || subtle.ConstantTimeCompare(got, []byte(token)) == 0 {
					_ = conn.Close()
					return
				}
				server.ServeCodec(jsonrpc.NewServerCodec(conn))
			}()
		}
	}()
	return token + "@" + listener.Addr().String(), nil
}

// Empty is an argument or a result that says nothing.
type Empty struct{}

// Logs, Fault, Drift and Sweep are arguments of methods.
type (
	Logs struct {
		Service string
		Since   time.Time
	}
	Fault struct {
		Fault string
		On    bool
	}
	Drift struct{ Type, Name, Property, Value string }
	Sweep struct {
		Stack string
		Known [][2]string
	}
)

// methods is an account in the form that package rpc asks for.
type methods struct{ account Account }

func (m *methods) Status(_ Empty, reply *account.Status) (err error) {
	*reply, err = m.account.Status()
	return err
}

// A result must not be null: package jsonrpc takes it for an error.

func (m *methods) Logs(l Logs, reply *[]logs.Event) error {
	events, err := m.account.Logs(l.Service, l.Since)
	*reply = append([]logs.Event{}, events...)
	return err
}

func (m *methods) SetFault(f Fault, _ *Empty) error { return m.account.SetFault(f.Fault, f.On) }

func (m *methods) Drift(d Drift, _ *Empty) error {
	return m.account.Drift(d.Type, d.Name, d.Property, d.Value)
}

func (m *methods) Sweep(s Sweep, reply *[]string) error {
	removed, err := m.account.Sweep(s.Stack, s.Known)
	*reply = append([]string{}, removed...)
	return err
}

func (m *methods) Access(role string, reply *account.Access) (err error) {
	*reply, err = m.account.Access(role)
	return err
}

func (m *methods) Calls(_ Empty, reply *[]awsapi.Count) error {
	calls, err := m.account.Calls()
	*reply = append([]awsapi.Count{}, calls...)
	return err
}
