package sticky_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/sticky"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/githubtest"
)

func TestIssue(t *testing.T) {
	t.Parallel()
	github := &githubtest.GitHub{Author: workflow}
	srv := httptest.NewServer(github)
	defer srv.Close()
	client := &sticky.Client{API: srv.URL, Repository: "o/r", Token: token}
	write := func(body string) string {
		t.Helper()
		address, err := client.Issue(t.Context(), "title", marker, body)
		require.NoError(t, err)
		return address
	}
	assert.Empty(t, write(""), "nothing is opened for nothing")
	require.Empty(t, github.Issues())

	first := write(marker + "one")
	assert.Equal(t, first, write(marker+"two"))
	require.Len(t, github.Issues(), 1)
	assert.Equal(t, marker+"two", github.Issues()[0].Body)
	write("")
	assert.Equal(t, "closed", github.Issues()[0].State)

	assert.NotEqual(t, first, write(marker+"three"), "a closed one is over")
	assert.Len(t, github.Issues(), 2)
	_, err := client.Issue(t.Context(), "title", marker, "without")
	require.ErrorContains(t, err, "must begin with")
}

func TestPull(t *testing.T) {
	t.Parallel()
	github := &githubtest.GitHub{Author: workflow}
	srv := httptest.NewServer(github)
	defer srv.Close()
	client := &sticky.Client{API: srv.URL, Repository: "o/r", Token: token}
	address, err := client.Pull(t.Context(), "ops/traffic-1", "main", "traffic: blue 100")
	require.NoError(t, err)
	assert.NotEmpty(t, address)
	require.Len(t, github.Pulls(), 1)
	assert.Equal(t, "ops/traffic-1", github.Pulls()[0].Head)
	_, err = (&sticky.Client{API: srv.URL, Repository: "o/r"}).Pull(t.Context(), "x", "main", "")
	require.ErrorContains(t, err, "GITHUB_TOKEN must be set")
}
