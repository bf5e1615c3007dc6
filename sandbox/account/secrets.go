package account

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// secretValue returns the current value of a secret or an SSM parameter, by name or
// ARN.
func (a *Account) secretValue(id string) (string, error) {
	return a.secretVersion(id, current)
}

// secretVersion returns the value of a stage; what is no secret has one only.
func (a *Account) secretVersion(id, stage string) (string, error) {
	if text, ok := a.databases.secret(id); ok {
		return text, nil
	}
	for _, by := range []string{"name", "arn"} {
		if parameter := a.find("ssm/parameter", by, id); parameter != nil {
			return parameterValue(parameter), nil
		}
	}
	if secret := a.find("secretsmanager/secret", "name", id); secret != nil {
		id = secret.ID
	}
	var values []string
	if version := a.find("secretsmanager/secretVersion", "secretId", id); version != nil {
		values = append(values, textOf(version, "secretString"))
	}
	values = append(values, a.secrets.valuesOf(id)...)
	if i := len(values) - 1 - slices.Index(stages, stage); slices.Contains(stages, stage) && i >= 0 && i < len(values) {
		return values[i], nil
	}
	return "", fmt.Errorf("ResourceNotFoundException: there is no secret or parameter %q with a value for %s", id, stage)
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

// secretsServer answers the calls of AWS: GetSecretValue and PutSecretValue only.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
type secretsServer struct {
	server   http.Server
	endpoint string

	mu      sync.Mutex
	file    string              // of the values.
	written map[string][]string // by the secret's ARN, the oldest first.
}

func (a *Account) serveSecrets() (*secretsServer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serving secrets: %w", err)
	}
	s := &secretsServer{endpoint: "http://" + listener.Addr().String(), file: a.path("secrets.json"), written: map[string][]string{}}
	if text, err := os.ReadFile(s.file); err == nil {
		if err := json.Unmarshal(text, &s.written); err != nil {
			return nil, errors.Join(fmt.Errorf("reading %s: %w", s.file, err), listener.Close())
		}
	}
	s.server = http.Server{Handler: http.HandlerFunc(a.answerSecrets), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(listener) }() // ends with close.
	return s, nil
}

func (s *secretsServer) close() {
	if s != nil {
		_ = s.server.Close()
	}
}

// environment is what leads the AWS SDK in a task here.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func (s *secretsServer) environment(region string) []task.Variable {
	return []task.Variable{
		{Name: "AWS_REGION", Value: region},
		{Name: "AWS_ENDPOINT_URL", Value: s.endpoint},
		{Name: "AWS_EC2_METADATA_DISABLED", Value: "true"},
		{Name: "AWS_ACCESS_KEY_ID", Value: accessKey},
		{Name: "AWS_SECRET_ACCESS_KEY", Value: accessKey},
	}
}

// accessKey is the id and the secret of the only one there is.
const accessKey = "sandbox"

func secretKey(id string) (secret string, ok bool) { return accessKey, id == accessKey }

// The stages of a secret's values, the newest first.
const current, previous = "AWSCURRENT", "AWSPREVIOUS"

var stages = []string{current, previous}

// valuesOf are those that were written at run time.
func (s *secretsServer) valuesOf(arn string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.written[arn])
}

func (s *secretsServer) put(arn, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written[arn] = append(s.written[arn], value)
	text, err := json.Marshal(s.written)
	if err == nil {
		err = os.WriteFile(s.file, text, 0o600)
	}
	return err
}

// putSecret makes a value the current one.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
func (a *Account) putSecret(id, value string) (arn string, err error) {
	for _, by := range []string{"name", "arn"} {
		if secret := a.find("secretsmanager/secret", by, id); secret != nil {
			return secret.ID, a.secrets.put(secret.ID, value)
		}
	}
	return "", fmt.Errorf("ResourceNotFoundException: there is no secret %q", id)
}

func (a *Account) answerSecrets(w http.ResponseWriter, r *http.Request) {
	var input struct {
		SecretID     string `json:"SecretId"`
		SecretString string
		VersionStage string
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	answer := map[string]string{"ARN": ""}
	err := json.NewDecoder(r.Body).Decode(&input)
	switch target := r.Header.Get("X-Amz-Target"); {
	case err != nil:
		answer["__type"] = "InvalidRequestException"
	case target == "secretsmanager.GetSecretValue":
		answer["ARN"] = input.SecretID
		answer["SecretString"], err = a.secretVersion(input.SecretID, cmp.Or(input.VersionStage, current))
	case target == "secretsmanager.PutSecretValue":
		answer["ARN"], err = a.putSecret(input.SecretID, input.SecretString)
	default:
		answer["__type"], err = "UnknownOperationException", errors.New("the sandbox does not know "+target)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"__type": cmp.Or(answer["__type"], "ResourceNotFoundException"), "message": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(answer) // to a client that is gone.
}
