// Package control lets other processes work on the account of a sandbox that runs:
// [Serve] in the one that has it, [Dial] in the others.
package control

import (
	"context"
	"fmt"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/logs"
)

// Account is what may be done with an account that runs; [account.Ops] is one.
type Account interface {
	ops.Cloud

	Status() (account.Status, error)
	Logs(service string, since time.Time) ([]logs.Event, error)
	SetFault(fault string, on bool) error
	Drift(typ, name, property, value string) error
	Sweep(stack string, known [][2]string) (removed []string, err error)
}

var (
	_ Account = (*account.Ops)(nil)
	_ Account = (*Client)(nil)
)

// Serve answers on a free loopback port until the context ends.
func Serve(ctx context.Context, a Account) (address string, err error) {
	server := rpc.NewServer()
	if err := server.RegisterName("Account", &methods{ctx, a}); err != nil {
		return "", fmt.Errorf("serving the account: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("serving the account: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // it was closed.
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			go server.ServeCodec(jsonrpc.NewServerCodec(conn))
		}
	}()
	return listener.Addr().String(), nil
}

// Empty is an argument or a result that says nothing.
type Empty struct{}

// Requests, Refusal, Logs, Fault, Drift and Sweep are arguments of methods.
type (
	Requests struct {
		Color  string
		Window time.Duration
	}
	Refusal struct{ Note *ops.SwitchedBack }
	Logs    struct {
		Service string
		Since   time.Time
	}
	Deployment struct{ Color, TaskDefinition string }
	Shift      struct{ Was, Weights ops.Weights }
	Scaling    struct {
		Color string
		Tasks int
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
type methods struct {
	ctx     context.Context //nolint:containedctx // the server's life.
	account Account
}

func (m *methods) Color(color string, reply *ops.Color) (err error) {
	*reply, err = m.account.Color(m.ctx, color)
	return err
}

func (m *methods) Requests(r Requests, reply *ops.Requests) (err error) {
	*reply, err = m.account.Requests(m.ctx, r.Color, r.Window)
	return err
}

func (m *methods) Weights(_ Empty, reply *ops.Weights) (err error) {
	*reply, err = m.account.Weights(m.ctx)
	return err
}

func (m *methods) SwitchedBack(_ Empty, reply *Refusal) (err error) {
	reply.Note, err = m.account.SwitchedBack(m.ctx)
	return err
}

func (m *methods) SetSwitchedBack(r Refusal, _ *Empty) error {
	return m.account.SetSwitchedBack(m.ctx, r.Note)
}

func (m *methods) Deploy(d Deployment, _ *Empty) error {
	return m.account.Deploy(m.ctx, d.Color, d.TaskDefinition)
}

func (m *methods) SetWeights(s Shift, _ *Empty) error {
	return m.account.SetWeights(m.ctx, s.Was, s.Weights)
}

func (m *methods) Scale(s Scaling, _ *Empty) error {
	return m.account.Scale(m.ctx, s.Color, s.Tasks)
}

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
