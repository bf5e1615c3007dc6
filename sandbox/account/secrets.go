package account

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
)

// secretValue returns the current value of a secret or an SSM parameter, by name or
// ARN.
func (a *Account) secretValue(id string) (string, error) {
	for _, by := range []string{"name", "arn"} {
		if parameter := a.find("ssm/parameter", by, id); parameter != nil {
			return parameterValue(parameter), nil
		}
	}
	_, version, err := a.secretVersion(id, current)
	return version.Value, err
}

// secretVersion returns the ARN of a secret and its value of a stage.
func (a *Account) secretVersion(id, stage string) (arn string, version secretVersion, err error) {
	if text, ok := a.databases.secret(id); ok {
		return id, secretVersion{Value: text}, nil
	}
	if secret := a.find("secretsmanager/secret", "name", id); secret != nil {
		id = secret.ID
	}
	var values []secretVersion
	if version := a.find("secretsmanager/secretVersion", "secretId", id); version != nil {
		values = append(values, secretVersion{Value: textOf(version, "secretString")})
	}
	values = append(values, a.secrets.of(id)...)
	if i := len(values) - 1 - slices.Index(stages, stage); slices.Contains(stages, stage) && i >= 0 && i < len(values) {
		return id, values[i], nil
	}
	return id, version, refuse("ResourceNotFoundException", "there is no secret or parameter %q with a value for %s", id, stage)
}

// parameterValue is a parameter's value: the provider keeps one that is no secret
// apart.
func parameterValue(r *cloud.Resource) string {
	return cmp.Or(textOf(r, "value"), textOf(r, "insecureValue"))
}

// arnParts are the fields of a secret's ARN; what follows them in valueFrom is the
// key in a JSON value.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
const arnParts = 7

// containerSecret resolves the valueFrom of a container's secret.
func (a *Account) containerSecret(_ context.Context, valueFrom string) (string, error) {
	parts := strings.Split(valueFrom, ":")
	if len(parts) <= arnParts {
		text, err := a.secretValue(valueFrom)
		return a.databases.led(text), err
	}
	document, err := a.secretValue(strings.Join(parts[:arnParts], ":"))
	if err != nil || parts[arnParts] == "" {
		return document, err
	}
	values := map[string]any{}
	if err := json.Unmarshal([]byte(document), &values); err != nil {
		return "", errors.New("it is no JSON object, and so has no keys")
	}
	value, ok := values[parts[arnParts]]
	if !ok {
		return "", fmt.Errorf("it has no key %q", parts[arnParts])
	}
	return fmt.Sprint(value), nil
}

// secretVersions are the values of secrets that were written at run time.
type secretVersions struct {
	mu      sync.Mutex
	file    string
	written map[string][]secretVersion // by the secret's ARN, the oldest first.
}

type secretVersion struct {
	Value   string    `json:"value"`
	Created time.Time `json:"created"`
}

// openSecrets reads what was written until now.
func openSecrets(file string) (*secretVersions, error) {
	s := &secretVersions{file: file, written: map[string][]secretVersion{}}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &s.written)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the secrets of %q: %w", file, err)
	}
	return s, nil
}

// The stages of a secret's values, the newest first.
const current, previous = "AWSCURRENT", "AWSPREVIOUS"

var stages = []string{current, previous}

func (s *secretVersions) of(arn string) []secretVersion {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.written[arn])
}

func (s *secretVersions) put(arn, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written[arn] = append(s.written[arn], secretVersion{value, time.Now()})
	text, err := json.Marshal(s.written)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(s.file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(s.file, text, 0o600)
	}
	return err
}
