package server_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/oidctest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/signin"
)

// signInServer is one for who signs in, or has the token, at an address of its own.
func signInServer(t *testing.T, issuer *oidctest.Issuer, scopes ...string) (srv *httptest.Server, token string) {
	t.Helper()
	token, hash := guard.NewToken()
	tokens, err := guard.ParseTokens(hash)
	require.NoError(t, err)
	srv = httptest.NewUnstartedServer(nil)
	address := "https://" + srv.Listener.Addr().String()
	s, err := signin.New(signin.Options{Issuer: issuer.URL, Audience: address + "/mcp", Scopes: scopes, ClientID: "page", URL: address})
	require.NoError(t, err)
	srv.Config.Handler = newServer(bundletest.Small(t), server.Options{
		PublicURL: address, SignIn: s, Guard: guard.Options{Tokens: tokens},
	})
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv, token
}

// TestOAuthClient connects a client that knows the server's address, and nothing of
// its issuer.
func TestOAuthClient(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	srv, _ := signInServer(t, issuer, "read", "use")
	asked := 0
	handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		RedirectURL: "http://localhost:1/callback", Client: srv.Client(),
		DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
			RedirectURIs: []string{"http://localhost:1/callback"}, ClientName: "test",
		}},
		AuthorizationCodeFetcher: func(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			asked++
			at, err := url.Parse(args.URL)
			require.NoError(t, err)
			assert.Equal(t, srv.URL+"/mcp", at.Query().Get("resource"))
			assert.ElementsMatch(t, []string{"read", "use"}, strings.Fields(at.Query().Get("scope")))
			browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			resp, err := browser.Get(args.URL)
			require.NoError(t, err)
			defer resp.Body.Close()
			back, err := resp.Location()
			require.NoError(t, err)
			return &auth.AuthorizationResult{Code: back.Query().Get("code"), State: back.Query().Get("state")}, nil
		},
	})
	require.NoError(t, err)
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: srv.URL + "/mcp", HTTPClient: srv.Client(), OAuthHandler: handler, DisableStandaloneSSE: true,
	}, nil)
	require.NoError(t, err)
	defer session.Close()
	tools, err := session.ListTools(t.Context(), nil)
	require.NoError(t, err)
	assert.NotEmpty(t, tools.Tools)
	result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "get_agent", Arguments: map[string]any{"name": "seo-master"}})
	require.NoError(t, err)
	assert.False(t, result.IsError)
	assert.Equal(t, 1, asked)
}

// TestPeopleSignIn follows a browser from an agent's page to the issuer and back.
func TestPeopleSignIn(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	srv, token := signInServer(t, issuer)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := srv.Client()
	browser.Jar = jar
	page := func(method, address string) (status int, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
		require.NoError(t, err)
		req.Header.Set("Accept", "text/html")
		if method == http.MethodPost {
			req.Header.Set("Origin", srv.URL) // as browsers do, because of the policy below
		}
		resp, err := browser.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, "text/html; charset=utf-8", resp.Header.Get("Content-Type"))
		assert.Equal(t, "same-origin", resp.Header.Get("Referrer-Policy"))
		return resp.StatusCode, string(text)
	}
	link := srv.URL + "/sign-in?to=%2Fagents%2Fseo-master%3Fa%3Db"
	status, body := page(http.MethodGet, srv.URL+"/agents/seo-master?a=b")
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Contains(t, body, `<a class="button" href="`+link+`">Sign in</a>`)
	assert.NotContains(t, body, "/sign-out")

	status, body = page(http.MethodGet, link)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, "<h1>seo-master</h1>")
	assert.Contains(t, body, `<form method="post" action="/sign-out">`)
	status, body = page(http.MethodGet, srv.URL+"/connect")
	assert.Equal(t, http.StatusOK, status)
	assert.NotContains(t, body, "Bearer $")
	status, _ = page(http.MethodGet, srv.URL+"/sign-in/callback?code=x&state=x")
	assert.Equal(t, http.StatusBadRequest, status)

	status, body = page(http.MethodPost, srv.URL+"/sign-out")
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Contains(t, body, "<h1>Sign in</h1>")

	// Programs get JSON, tokens stay good, and nobody else's page may sign out.
	for name, tc := range map[string]struct {
		method, path, token, origin string
		want                        int
	}{
		"no token":           {"POST", "/mcp", "", "", 401},
		"token":              {"GET", "/api/v1/agents", token, "", 200},
		"wrong token":        {"GET", "/api/v1/agents", "x", "", 401},
		"metadata":           {"GET", "/.well-known/oauth-protected-resource/mcp", "", "", 200},
		"metadata, root":     {"GET", "/.well-known/oauth-protected-resource", "", "", 200},
		"no server's":        {"GET", "/.well-known/oauth-authorization-server", "", "", 404},
		"below the metadata": {"GET", "/.well-known/oauth-protected-resource/mcp/x", "", "", 404},
		"below the sign-in":  {"GET", "/sign-in/x", "", "", 401},
		"another page":       {"POST", "/sign-out", "", "https://evil.example.com", 403},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, srv.URL+tc.path, strings.NewReader("{}"))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		if tc.token != "" {
			req.Header.Set("Authorization", "Bearer "+tc.token)
		}
		if tc.origin != "" {
			req.Header.Set("Origin", tc.origin)
		}
		resp, err := browser.Do(req)
		require.NoError(t, err)
		var answer any
		assert.NoError(t, json.NewDecoder(resp.Body).Decode(&answer), name)
		resp.Body.Close()
		assert.Equal(t, tc.want, resp.StatusCode, name)
		assert.Equal(t, tc.want == 401, strings.Contains(resp.Header.Get("WWW-Authenticate"), `resource_metadata="`+srv.URL+`/.well-known/oauth-protected-resource`), name)
	}
}

// TestRealBrowser lets Chromium sign in and out: whether it takes the cookies is its
// decision. peers/signin.mjs says what must be.
func TestRealBrowser(t *testing.T) {
	t.Parallel()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("not tested in a browser: %v (apt-get install chromium)", err)
	}
	if _, err := os.Stat("../peers/node_modules/playwright-core"); err != nil {
		t.Skipf("not tested in a browser: %v (npm ci --prefix peers)", err)
	}
	srv, _ := signInServer(t, oidctest.New(t), "read")
	cmd := exec.CommandContext(t.Context(), "node", "signin.mjs", chromium, srv.URL)
	cmd.Dir = "../peers"
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	t.Logf("%s", out)
}

// TestIssuerIsDown: the server is healthy, and says who cannot be asked.
func TestIssuerIsDown(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	issuer.With(func(i *oidctest.Issuer) {
		i.Override = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
	})
	srv, token := signInServer(t, issuer)
	assert.Equal(t, http.StatusOK, get(srv.Config.Handler, http.MethodGet, "/health").Code)
	for sent, want := range map[string]int{
		token: 200, "x": 401, issuer.Sign(nil, issuer.Claims(srv.URL+"/mcp", nil)): 503,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/api/v1/agents", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+sent)
		resp, err := srv.Client().Do(req)
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, want, resp.StatusCode)
		assert.Equal(t, want == 503, resp.Header.Get("Retry-After") == "10")
	}
}
