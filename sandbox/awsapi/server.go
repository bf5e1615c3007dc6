package awsapi

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
)

// Service is one of AWS's.
type Service struct {
	// SigningName is the service's in signatures, like "monitoring".
	// https://docs.aws.amazon.com/general/latest/gr/rande.html
	SigningName string
	// Prefix of IAM's actions, like "cloudwatch". Default: SigningName.
	Prefix string
	// Namespace is that of its XML.
	Namespace string
	// LowerCase tells that members begin with a lower case letter on the wire.
	LowerCase  bool
	Operations map[string]Operation
	// Routes are the operations of REST, by method and path: "GET /{Bucket}", where
	// {Key+} is the rest of the path. Their Parameters are those of the query and the
	// headers, as members of the input.
	Routes     map[string]string
	Parameters map[string]map[string]string
	// Payload is the member that a request's body is. Default: it is XML.
	Payload string
}

// Raw is the output of an operation whose answer is headers and a body.
type Raw struct {
	Header http.Header
	Body   []byte
}

// Operation is what is done with an input; see [Do].
type Operation struct {
	input func() any
	needs func(ctx context.Context, input any) Permission
	do    func(ctx context.Context, input any) (any, error)
}

// Permission is what a call needs.
type Permission struct {
	// Action of IAM, without the service. Default: the operation's name.
	Action string
	// Resources by ARN, each of which it is needed for. Default: "*".
	Resources []string
	// Conditions are the operation's condition keys.
	Conditions map[string][]string
}

// Do is an operation over the SDK's types. Its errors are the SDK's, or have their
// methods ([smithy.APIError]).
func Do[I, O any](do func(context.Context, *I) (*O, error)) Operation {
	return Operation{
		input: func() any { return new(I) },
		do:    func(ctx context.Context, input any) (any, error) { return do(ctx, input.(*I)) },
	}
}

// Needs says which permission an operation needs.
func Needs[I any](o Operation, needs func(context.Context, *I) Permission) Operation {
	o.needs = func(ctx context.Context, input any) Permission { return needs(ctx, input.(*I)) }
	return o
}

// Authorize refuses by an error that a principal, by its ARN, does an action like
// "ecs:DescribeServices" on a resource, under condition keys. One that is no
// [smithy.APIError] becomes the message of AccessDenied.
type Authorize func(ctx context.Context, principal, action, resource string, conditions map[string][]string) error

// Server answers on a loopback port.
type Server struct {
	// URL leads the SDKs to it, as AWS_ENDPOINT_URL.
	URL string

	services  map[string]*Service
	authorize Authorize
	http      http.Server
	faults    faults

	mu     sync.Mutex
	keys   map[string]key       // by id.
	counts map[[2]string]*Count // by role and service.
}

// key is one that was given to a principal.
type key struct{ principal, secret string }

// Serve answers until [Server.Close]. Without an authorizer all calls are allowed.
func Serve(services []Service, authorize Authorize) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serving AWS's protocols: %w", err)
	}
	s := &Server{
		URL: "http://" + listener.Addr().String(), services: map[string]*Service{}, authorize: authorize,
		keys: map[string]key{}, counts: map[[2]string]*Count{},
	}
	if s.authorize == nil {
		s.authorize = func(context.Context, string, string, string, map[string][]string) error { return nil }
	}
	for _, service := range services {
		service.Prefix = cmp.Or(service.Prefix, service.SigningName)
		s.services[service.SigningName] = &service
	}
	s.http = http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }() // ends with Close.
	return s, nil
}

// Close ends it. A server that is nil has ended.
func (s *Server) Close() {
	if s != nil {
		_ = s.http.Close()
	}
}

// Key returns the access key of a principal, which is made once.
func (s *Server) Key(principal string) aws.Credentials {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, k := range s.keys {
		if k.principal == principal {
			return aws.Credentials{AccessKeyID: id, SecretAccessKey: k.secret}
		}
	}
	id := "AKIA" + rand.Text()[:16] // of 26.
	s.keys[id] = key{principal, rand.Text()}
	return aws.Credentials{AccessKeyID: id, SecretAccessKey: s.keys[id].secret}
}

// Secret returns that of an access key.
func (s *Server) Secret(id string) (secret string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.keys[id]
	return k.secret, ok
}

// maxBody is more than any call here needs.
const maxBody = 8 << 20

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	caller, err := s.authenticate(r, body)
	service := s.services[caller.service]
	if service == nil {
		service = &Service{Prefix: caller.service}
	}
	p := protocolOf(r, service)
	w.Header().Set("X-Amzn-Requestid", rand.Text())
	var operation string
	var output any
	if err == nil {
		operation, output, err = s.call(r, body, p, service, caller)
	}
	if caller.principal != "" {
		s.count(caller.principal, service.Prefix, err)
	}
	if err != nil {
		status, code, message := describe(err)
		p.fail(w, status, code, message)
		return
	}
	if raw, ok := output.(*Raw); ok {
		maps.Copy(w.Header(), raw.Header)
		_, _ = w.Write(raw.Body) //nolint:gosec // SDKs read it; the client may be gone.
		return
	}
	p.write(w, operation, document(reflect.ValueOf(output), p.name))
}

// call reads a request and does what it asks for.
func (s *Server) call(r *http.Request, body []byte, p protocol, service *Service, by caller) (name string, output any, err error) {
	name, document, err := p.read(r, body)
	if err != nil {
		return name, nil, refuse("SerializationException", "reading the request: %v", err)
	}
	operation, ok := service.Operations[name]
	if !ok {
		return name, nil, refuse(unknownOperation, "the sandbox does not know %s:%s", service.Prefix, name)
	}
	input := operation.input()
	if err := fill(reflect.ValueOf(input).Elem(), any(document)); err != nil {
		return name, nil, refuse("ValidationException", "reading the input of %s: %v", name, err)
	}
	ctx := context.WithValue(r.Context(), callerKey{}, by)
	var needs Permission
	if operation.needs != nil {
		needs = operation.needs(ctx, input)
	}
	if err := s.permitted(ctx, service.Prefix+":"+cmp.Or(needs.Action, name), needs); err != nil {
		return name, nil, err
	}
	ctx, err = s.faults.strike(ctx, service.Prefix, name)
	if err == nil {
		output, err = operation.do(ctx, input)
	}
	return name, output, err
}

// permitted asks whether the caller may do an action.
func (s *Server) permitted(ctx context.Context, action string, needs Permission) error {
	by := callerOf(ctx)
	conditions := map[string][]string{"aws:PrincipalArn": {by.principal}, "aws:RequestedRegion": {by.region}, "aws:SecureTransport": {"true"}}
	maps.Copy(conditions, needs.Conditions)
	if len(needs.Resources) == 0 {
		needs.Resources = []string{"*"}
	}
	for _, resource := range needs.Resources {
		err := s.authorize(ctx, by.principal, action, resource, conditions)
		if refusal := smithy.APIError(nil); err != nil && !errors.As(err, &refusal) {
			err = refuse(accessDenied, "%v", err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// caller is who signed a request, and for what.
type caller struct{ principal, service, region string }

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// Region is that of the call.
func Region(ctx context.Context) string { return callerOf(ctx).region }

// Principal is the ARN of who calls.
func Principal(ctx context.Context) string { return callerOf(ctx).principal }

// The codes of errors, as AWS JSON has them.
const (
	accessDenied     = "AccessDeniedException"
	throttled        = "ThrottlingException"
	unknownOperation = "UnknownOperationException"
	unknownKey       = "UnrecognizedClientException"
	badSignature     = "InvalidSignatureException"
)

func refuse(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

// statuses of errors by code, where it is not 400.
var statuses = map[string]int{
	accessDenied: http.StatusForbidden, unknownKey: http.StatusForbidden, badSignature: http.StatusForbidden,
	"NoSuchHostedZone": http.StatusNotFound, "NoSuchBucket": http.StatusNotFound, "NoSuchKey": http.StatusNotFound,
	"PreconditionFailed": http.StatusPreconditionFailed,
}

// wrong are the codes that come with the statuses of [FaultError].
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
var wrong = map[int]string{
	http.StatusForbidden: accessDenied, http.StatusConflict: "ConditionalRequestConflict", http.StatusServiceUnavailable: "ServiceUnavailable",
}

// describe is an error as AWS tells it.
func describe(err error) (status int, code, message string) {
	var api smithy.APIError
	var fault *statusError
	switch {
	case errors.As(err, &fault):
		return fault.status, cmp.Or(wrong[fault.status], "InternalFailure"), fault.Error()
	case !errors.As(err, &api):
		return http.StatusInternalServerError, "InternalFailure", err.Error()
	}
	return cmp.Or(statuses[api.ErrorCode()], http.StatusBadRequest), api.ErrorCode(), api.ErrorMessage()
}
