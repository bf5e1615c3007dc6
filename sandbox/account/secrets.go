package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// secretValue returns the current value of a secret or an SSM parameter, by name or
// ARN.
func (a *Account) secretValue(id string) (string, error) {
	if text, ok := a.databases.secret(id); ok {
		return text, nil
	}
	if parameter := a.find("ssm/parameter", "name", id); parameter != nil {
		return textOf(parameter, "value"), nil
	}
	if parameter := a.find("ssm/parameter", "arn", id); parameter != nil {
		return textOf(parameter, "value"), nil
	}
	if secret := a.find("secretsmanager/secret", "name", id); secret != nil {
		id = secret.ID
	}
	if version := a.find("secretsmanager/secretVersion", "secretId", id); version != nil {
		return textOf(version, "secretString"), nil
	}
	return "", fmt.Errorf("ResourceNotFoundException: there is no secret or parameter %q with a value", id)
}

// arnParts are the fields of a secret's ARN; what follows them in valueFrom is the
// key in a JSON value.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
const arnParts = 7

// containerSecret resolves the valueFrom of a container's secret.
func (a *Account) containerSecret(_ context.Context, valueFrom string) (string, error) {
	parts := strings.Split(valueFrom, ":")
	if len(parts) <= arnParts {
		return a.secretValue(valueFrom)
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

// secretsServer answers the tasks' calls of AWS: GetSecretValue only.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
type secretsServer struct {
	server   http.Server
	endpoint string
}

func (a *Account) serveSecrets() (*secretsServer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serving secrets: %w", err)
	}
	s := &secretsServer{endpoint: "http://" + listener.Addr().String()}
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
		{Name: "AWS_ACCESS_KEY_ID", Value: "sandbox"},
		{Name: "AWS_SECRET_ACCESS_KEY", Value: "sandbox"},
	}
}

func (a *Account) answerSecrets(w http.ResponseWriter, r *http.Request) {
	var input struct {
		SecretID string `json:"SecretId"`
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	answer := map[string]string{"__type": "UnknownOperationException", "message": "the sandbox does not know " + r.Header.Get("X-Amz-Target")}
	if r.Header.Get("X-Amz-Target") == "secretsmanager.GetSecretValue" && json.NewDecoder(r.Body).Decode(&input) == nil {
		text, err := a.secretValue(input.SecretID)
		if err == nil {
			_ = json.NewEncoder(w).Encode(map[string]string{"ARN": input.SecretID, "SecretString": text}) // to a client that is gone.
			return
		}
		answer = map[string]string{"__type": "ResourceNotFoundException", "message": err.Error()}
	}
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(answer)
}
