package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxHealthBody bounds what [CheckHealth] quotes of an unhealthy answer.
const maxHealthBody = 1 << 10

type healthBody struct {
	Status       string `json:"status"`
	Timestamp    string `json:"timestamp"`
	Version      string `json:"version"`
	BundleDigest string `json:"bundleDigest"`
	Color        string `json:"color"`
	Reason       string `json:"reason,omitempty"`
}

// health answers 200 when the bundle can be served and 503 when it cannot.
func (h *handler) health(w http.ResponseWriter, _ *http.Request) {
	body := healthBody{
		Status:       "healthy",
		Timestamp:    h.now().UTC().Format(time.RFC3339),
		Version:      Version,
		BundleDigest: h.bundleDigest,
		Color:        h.color,
		Reason:       h.reason,
	}
	status := http.StatusOK
	if h.reason != "" {
		body.Status, status = "unhealthy", http.StatusServiceUnavailable
	}
	writeJSON(w, status, body)
}

// CheckHealth asks the server at baseURL for /health and returns an error
// unless it answers 200. It ignores proxy settings: it is the health check of
// the container that it runs in.
func CheckHealth(ctx context.Context, baseURL string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, baseURL+"/health", nil)
	if err != nil {
		return fmt.Errorf("checking health: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("checking health: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxHealthBody))
		return fmt.Errorf("checking health: %s answered %s: %s", req.URL, resp.Status, strings.TrimSpace(string(body)))
	}
	return nil
}
