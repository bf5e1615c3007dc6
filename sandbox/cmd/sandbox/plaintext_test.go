package main

// This test greps what a deployment leaves for the secrets that went into it. It
// does not look into the simulated account, which is AWS.

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

// secretConfig is the secret config of the stacks. The values have what encodings
// change: quotes, slashes, ampersands and spaces.
var secretConfig = []struct{ stack, key, value string }{
	{"prod", "codeflow:apiKeys.anthropic", `sk-ant/7Qm2"<vX9>&zL4 +pW`},
	{"prod", "codeflow:apiKeys.openai", `sk-oai/Jd83"<kT5>&rB1 +hN`},
}

func TestNoSecretInPlainText(t *testing.T) {
	t.Parallel()
	log, told := &strings.Builder{}, &told{}
	s, err := engine.Open(t.Context(), engine.Options{Root: root, Dir: folder(t), Out: log, OnPaper: true, Events: told.add})
	require.NoError(t, err, log)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	for _, secret := range secretConfig {
		require.NoError(t, s.SetSecret(t.Context(), secret.stack, secret.key, secret.value))
	}
	left := map[string][]byte{}
	for _, stack := range engine.Names {
		run(t, s, stack, engine.Preview)
		run(t, s, stack, engine.Up)
		run(t, s, stack, engine.Preview)
		left["state file of "+stack] = stateFile(t, s, stack)
		if left["export of "+stack], err = s.Export(t.Context(), stack); err != nil {
			t.Fatal(err)
		}
		left["outputs of "+stack], err = json.Marshal(outputs(t, s, stack))
		require.NoError(t, err)
		left["config of "+stack], err = os.ReadFile(s.StackFile(stack))
		require.NoError(t, err)
	}
	left["log"], left["events"] = []byte(log.String()), told.bytes()
	for _, secret := range secretConfig {
		used := false
		for _, r := range registered(t, s, secret.stack) {
			raw, err := json.Marshal(r.Inputs)
			require.NoError(t, err)
			used = used || bytes.Contains(raw, []byte("ciphertext"))
		}
		assert.True(t, used, "%s goes into no resource", secret.key)
		for where, text := range left {
			assert.NotEmpty(t, text, where)
			assert.Empty(t, forms(text, secret.value), "%s of %s in the %s", secret.key, secret.stack, where)
		}
	}
}

// told are the engine's events.
type told struct {
	mu  sync.Mutex
	all []byte
}

func (t *told) add(event events.EngineEvent) {
	raw, err := json.Marshal(event)
	if err != nil {
		panic(err) // what came as JSON.
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, raw...)
}

func (t *told) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.all)
}

// encodings are the forms in which a secret is looked for.
var encodings = map[string]func(string) []string{
	"plain": func(s string) []string { return []string{s} },
	"JSON":  func(s string) []string { return []string{inJSON(s, true), inJSON(s, false)} },
	"JSON in JSON": func(s string) []string {
		return []string{inJSON(inJSON(s, true), true), inJSON(inJSON(s, false), false), inJSON(inJSON(s, true), false)}
	},
	"URL": func(s string) []string { return []string{url.QueryEscape(s), url.PathEscape(s)} },
	"hex": func(s string) []string { return []string{hex.EncodeToString([]byte(s))} },
	"base64": func(s string) (found []string) {
		for shift := range 3 { // where in a longer text it may begin.
			for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				text := encoding.EncodeToString([]byte(strings.Repeat("-", shift) + s))
				// Without the letters that are made of its neighbours too.
				found = append(found, text[(shift*8+5)/6:len(text)-2])
			}
		}
		return found
	},
}

func inJSON(s string, escapeHTML bool) string {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(escapeHTML)
	if err := encoder.Encode(s); err != nil {
		panic(err) // a string.
	}
	return strings.Trim(buffer.String(), "\"\n")
}

// forms are the encodings in which a text has a secret.
func forms(text []byte, secret string) (found []string) {
	for name, encode := range encodings {
		for _, form := range encode(secret) {
			if bytes.Contains(text, []byte(form)) {
				found = append(found, name)
				break
			}
		}
	}
	return found
}

func TestPlainTextIsFound(t *testing.T) {
	t.Parallel()
	secret := secretConfig[0].value
	document, err := json.Marshal(map[string]string{"a": secret})
	require.NoError(t, err)
	nested, err := json.Marshal(string(document))
	require.NoError(t, err)
	for name, text := range map[string]string{
		"plain": "x" + secret + "x", "JSON": string(document), "JSON in JSON": string(nested),
		"URL": "https://x/?a=" + url.QueryEscape(secret), "hex": hex.EncodeToString([]byte(secret)),
		"base64": base64.StdEncoding.EncodeToString([]byte("user:" + secret + "@x")),
	} {
		assert.Contains(t, forms([]byte(text), secret), name)
	}
	assert.Empty(t, forms([]byte("nothing of it"), secret))
}
