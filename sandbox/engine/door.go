package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// Get reads the JSON that the domain answers at a path, whatever the status, which
// it returns.
func (s *Sandbox) Get(ctx context.Context, path string, into any) (status string, err error) {
	running, err := s.Account.Status()
	if err != nil {
		return "", err
	}
	client, err := running.Client()
	if err != nil {
		return "", err
	}
	defer client.CloseIdleConnections()
	url := "https://" + s.Domain() + path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(into); err != nil {
		return "", fmt.Errorf("reading %s (%s): %w", url, response.Status, err)
	}
	return response.Status, nil
}
