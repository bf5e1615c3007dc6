package signin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
)

// Admit reports why a request may not use the server, or nil. Programs send the
// issuer's token in the header Authorization, and nowhere else. A browser's cookie
// is good for reading only: other pages cannot make it do anything.
func (s *SignIn) Admit(r *http.Request) *guard.Refusal {
	sent := r.Header["Authorization"]
	raw, bearer := "", false
	switch {
	case len(sent) > 1:
		return s.refuse(r, http.StatusBadRequest, "invalid_request", "one Authorization header is allowed")
	case len(sent) == 1:
		var scheme string
		scheme, raw, _ = strings.Cut(sent[0], " ")
		bearer = strings.EqualFold(scheme, "Bearer")
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		if cookie, err := r.Cookie(sessionCookie); err == nil {
			raw, bearer = cookie.Value, true
		}
	}
	if !bearer {
		return s.refuse(r, http.StatusUnauthorized, "", "a valid bearer token is needed")
	}
	_, err := s.access(r.Context(), strings.TrimSpace(raw))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errUnavailable):
		return &guard.Refusal{Status: http.StatusServiceUnavailable, Reason: guard.ReasonIssuer, Message: err.Error()}
	case errors.Is(err, errScope):
		return s.refuse(r, http.StatusForbidden, "insufficient_scope", err.Error())
	}
	return s.refuse(r, http.StatusUnauthorized, "invalid_token", err.Error())
}

// refuse tells a client where it gets a token, and for what.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#protected-resource-metadata-discovery-requirements
func (s *SignIn) refuse(r *http.Request, status int, code, message string) *guard.Refusal {
	metadata := s.opts.URL + metadataPath
	if strings.TrimSuffix(r.URL.Path, "/") == endpoint {
		metadata += endpoint
	}
	challenge := fmt.Sprintf(`Bearer realm="codeflow", resource_metadata=%q`, metadata)
	if len(s.opts.Scopes) > 0 {
		challenge += fmt.Sprintf(`, scope=%q`, strings.Join(s.opts.Scopes, " "))
	}
	if code != "" {
		challenge += fmt.Sprintf(`, error=%q, error_description=%q`, code, message)
	}
	reason := guard.ReasonToken
	if status == http.StatusForbidden {
		reason = guard.ReasonScope
	}
	return &guard.Refusal{Status: status, Reason: reason, Challenge: challenge, Message: message}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
