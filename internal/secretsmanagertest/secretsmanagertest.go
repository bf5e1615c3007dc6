// Package secretsmanagertest stands in for AWS Secrets Manager in tests.
package secretsmanagertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// Fake answers as AWS Secrets Manager does:
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
type Fake struct {
	mu       sync.Mutex
	names    int
	texts    map[string]string   // by ARN
	requests map[string][]string // regions, by ARN
}

// Main runs the tests of a package with a fake as their AWS, which use is given
// before. It fails when they leave a goroutine behind.
func Main(m *testing.M, use func(*Fake)) {
	fake, stop := start()
	use(fake)
	goleak.VerifyTestMain(stopped{m, stop})
}

// stopped stops the fake before goroutines are looked for.
type stopped struct {
	m    *testing.M
	stop func()
}

// Run implements [goleak.TestingM].
func (s stopped) Run() int {
	defer s.stop()
	defer http.DefaultClient.CloseIdleConnections()
	return s.m.Run()
}

// start starts a fake and makes it the AWS of this process, until stop.
func start() (fake *Fake, stop func()) {
	fake = &Fake{texts: map[string]string{}, requests: map[string][]string{}}
	srv := httptest.NewServer(fake)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": srv.URL, "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	return fake, srv.Close
}

// ARN returns the name of a secret that is not there yet.
func (s *Fake) ARN(region string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names++
	return fmt.Sprintf("arn:aws:secretsmanager:%s:123456789012:secret:rds!db-%d", region, s.names)
}

// Put stores a text under a new version of the secret.
func (s *Fake) Put(arn, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts[arn] = text
}

// PutLogin stores a user and password in the format of RDS.
func (s *Fake) PutLogin(arn, user, password string) {
	s.Put(arn, fmt.Sprintf(`{"username": %q, "password": %q, "engine": "postgres"}`, user, password))
}

// Reads returns the region of each request for a secret so far.
func (s *Fake) Reads(arn string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests[arn]...)
}

// ServeHTTP implements [http.Handler].
func (s *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := func(status int, body map[string]string) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	var input struct {
		SecretID string `json:"SecretId"`
	}
	if target := r.Header.Get("X-Amz-Target"); target != "secretsmanager.GetSecretValue" {
		answer(http.StatusBadRequest, map[string]string{"__type": "UnknownOperationException", "message": target})
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
		answer(http.StatusBadRequest, map[string]string{"__type": "SerializationException", "message": err.Error()})
		return
	}
	// Authorization: AWS4-HMAC-SHA256 Credential=key/date/region/service/aws4_request, …
	scope := strings.Split(r.Header.Get("Authorization"), "/")
	s.requests[input.SecretID] = append(s.requests[input.SecretID], scope[2])
	text, found := s.texts[input.SecretID]
	if !found {
		answer(http.StatusBadRequest, map[string]string{"__type": "ResourceNotFoundException", "message": "no such secret"})
		return
	}
	answer(http.StatusOK, map[string]string{"ARN": input.SecretID, "SecretString": text})
}
