package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// Get reads the JSON that the domain answers at a path, whatever the status, which
// it returns.
func (s *Sandbox) Get(ctx context.Context, path string, into any) (status string, err error) {
	err = s.knock(ctx, http.MethodGet, path, "", func(response *http.Response) error {
		status = response.Status
		if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(into); err != nil {
			return fmt.Errorf("reading %s (%s): %w", response.Request.URL, status, err)
		}
		return nil
	})
	return status, err
}

// Post sends JSON to a path of the domain, as MCP clients do, and returns the status.
func (s *Sandbox) Post(ctx context.Context, path, body string) (status int, err error) {
	err = s.knock(ctx, http.MethodPost, path, body, func(response *http.Response) error {
		status = response.StatusCode
		return nil
	})
	return status, err
}

// Client is as a client on the internet is, see [account.Status.Client]. Close its idle
// connections.
func (s *Sandbox) Client() (*http.Client, error) {
	running, err := s.Account.Status()
	if err != nil {
		return nil, err
	}
	return running.Client()
}

func (s *Sandbox) knock(ctx context.Context, method, path, body string, answer func(*http.Response) error) error {
	client, err := s.Client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, method, "https://"+s.Domain()+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json, text/event-stream")
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return answer(response)
}
