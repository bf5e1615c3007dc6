package control

import (
	"fmt"
	"io"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/logs"
)

// Client is the account of another process.
type Client struct{ rpc *rpc.Client }

// Dial connects to what [Serve] serves.
func Dial(address string) (*Client, error) {
	token, port, _ := strings.Cut(address, "@")
	conn, err := net.Dial("tcp", port)
	if err == nil {
		_, err = io.WriteString(conn, token)
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to the sandbox that runs: %w", err)
	}
	return &Client{jsonrpc.NewClient(conn)}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.rpc.Close() }

func call[T any](c *Client, method string, argument any) (reply T, err error) {
	err = c.rpc.Call("Account."+method, argument, &reply)
	return reply, err
}

// Status implements [Account].
func (c *Client) Status() (account.Status, error) {
	return call[account.Status](c, "Status", Empty{})
}

// Logs implements [Account].
func (c *Client) Logs(service string, since time.Time) ([]logs.Event, error) {
	return call[[]logs.Event](c, "Logs", Logs{service, since})
}

// SetFault implements [Account].
func (c *Client) SetFault(fault string, on bool) error {
	_, err := call[Empty](c, "SetFault", Fault{fault, on})
	return err
}

// Drift implements [Account].
func (c *Client) Drift(typ, name, property, value string) error {
	_, err := call[Empty](c, "Drift", Drift{typ, name, property, value})
	return err
}

// Sweep implements [Account].
func (c *Client) Sweep(stack string, known [][2]string) ([]string, error) {
	return call[[]string](c, "Sweep", Sweep{stack, known})
}

// Access implements [Account].
func (c *Client) Access(role string) (account.Access, error) {
	return call[account.Access](c, "Access", role)
}

// Calls implements [Account].
func (c *Client) Calls() ([]awsapi.Count, error) { return call[[]awsapi.Count](c, "Calls", Empty{}) }
