package control

import (
	"context"
	"fmt"
	"net/rpc"
	"net/rpc/jsonrpc"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/logs"
)

// Client is the account of another process.
type Client struct{ rpc *rpc.Client }

// Dial connects to what [Serve] serves.
func Dial(address string) (*Client, error) {
	client, err := jsonrpc.Dial("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connecting to the sandbox that runs: %w", err)
	}
	return &Client{client}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.rpc.Close() }

// call calls a method, and returns early when the context ends.
func call[T any](ctx context.Context, c *Client, method string, argument any) (reply T, err error) {
	var result T
	pending := c.rpc.Go("Account."+method, argument, &result, make(chan *rpc.Call, 1))
	select {
	case <-pending.Done:
		return result, pending.Error
	case <-ctx.Done():
		return reply, ctx.Err()
	}
}

// Color implements [Account].
func (c *Client) Color(ctx context.Context, color string) (ops.Color, error) {
	return call[ops.Color](ctx, c, "Color", color)
}

// Requests implements [Account].
func (c *Client) Requests(ctx context.Context, color string, window time.Duration) (ops.Requests, error) {
	return call[ops.Requests](ctx, c, "Requests", Requests{color, window})
}

// Weights implements [Account].
func (c *Client) Weights(ctx context.Context) (ops.Weights, error) {
	return call[ops.Weights](ctx, c, "Weights", Empty{})
}

// SwitchedBack implements [Account].
func (c *Client) SwitchedBack(ctx context.Context) (*ops.SwitchedBack, error) {
	refusal, err := call[Refusal](ctx, c, "SwitchedBack", Empty{})
	return refusal.Note, err
}

// SetSwitchedBack implements [Account].
func (c *Client) SetSwitchedBack(ctx context.Context, s *ops.SwitchedBack) error {
	_, err := call[Empty](ctx, c, "SetSwitchedBack", Refusal{s})
	return err
}

// Deploy implements [Account].
func (c *Client) Deploy(ctx context.Context, color, taskDefinition string) error {
	_, err := call[Empty](ctx, c, "Deploy", Deployment{color, taskDefinition})
	return err
}

// SetWeights implements [Account].
func (c *Client) SetWeights(ctx context.Context, was, weights ops.Weights) error {
	_, err := call[Empty](ctx, c, "SetWeights", Shift{was, weights})
	return err
}

// Scale implements [Account].
func (c *Client) Scale(ctx context.Context, color string, tasks int) error {
	_, err := call[Empty](ctx, c, "Scale", Scaling{color, tasks})
	return err
}

// Status implements [Account].
func (c *Client) Status() (account.Status, error) {
	return call[account.Status](context.Background(), c, "Status", Empty{})
}

// Logs implements [Account].
func (c *Client) Logs(service string, since time.Time) ([]logs.Event, error) {
	return call[[]logs.Event](context.Background(), c, "Logs", Logs{service, since})
}

// SetFault implements [Account].
func (c *Client) SetFault(fault string, on bool) error {
	_, err := call[Empty](context.Background(), c, "SetFault", Fault{fault, on})
	return err
}

// Drift implements [Account].
func (c *Client) Drift(typ, name, property, value string) error {
	_, err := call[Empty](context.Background(), c, "Drift", Drift{typ, name, property, value})
	return err
}

// Sweep implements [Account].
func (c *Client) Sweep(stack string, known [][2]string) ([]string, error) {
	return call[[]string](context.Background(), c, "Sweep", Sweep{stack, known})
}
