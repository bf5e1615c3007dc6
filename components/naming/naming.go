// Package naming holds the names that operators type in runbooks and the limits
// that AWS puts on them. Every other resource is named by the engine.
package naming

import (
	"fmt"
	"regexp"
	"strconv"
)

// Limits of AWS on names, in characters.
const (
	// MaxLoadBalancer: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
	MaxLoadBalancer = 32
	// MaxDBInstance: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
	MaxDBInstance = 63
	// MaxTraceGroup: https://docs.aws.amazon.com/xray/latest/api/API_CreateGroup.html
	MaxTraceGroup = 32
	// MaxECS is for clusters, services and families: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
	MaxECS = 255
	// MaxRole: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
	MaxRole = 64
	// MaxRepository: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
	MaxRepository = 256
)

// token is what every part of a name must match, the strictest of AWS's rules
// (load balancers and database instances): no leading digit, no double hyphen.
var token = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Color names the resources of one colour, for example codeflow-blue-cluster.
// The names carry no environment, so an account and region hold one platform.
type Color struct{ Project, Color string }

func (c Color) prefix() string { return c.Project + "-" + c.Color }

// LoadBalancer is the name of the load balancer.
func (c Color) LoadBalancer() string { return c.prefix() }

// Cluster is the name of the ECS cluster.
func (c Color) Cluster() string { return c.prefix() + "-cluster" }

// Service is the name of the ECS service.
func (c Color) Service() string { return c.prefix() + "-service" }

// Family is the family of the task definitions.
func (c Color) Family() string { return c.prefix() }

// LogGroup is the log group of the tasks.
func (c Color) LogGroup() string { return "/ecs/" + c.prefix() }

// TaskRole and ExecutionRole are how the names of the tasks' roles begin; the
// engine adds a suffix, since a role belongs to no region.
func (c Color) TaskRole() string { return c.prefix() + "-task" }

// ExecutionRole is the role that ECS starts the tasks with.
func (c Color) ExecutionRole() string { return c.prefix() + "-execution" }

// Alarm is the name of an alarm, for example codeflow-blue-5xx.
func (c Color) Alarm(what string) string { return c.prefix() + "-" + what }

// Check returns an error for each name that AWS would refuse.
func (c Color) Check() []error {
	if errs := checkTokens(c.Project, c.Color); len(errs) > 0 {
		return errs
	}
	return tooLong("load balancer", c.LoadBalancer(), MaxLoadBalancer)
}

// Platform names the shared resources of an environment, for example the
// database codeflow-prod.
type Platform struct{ Project, Environment string }

// Database is the identifier of the database instance.
func (p Platform) Database() string { return p.Project + "-" + p.Environment }

// Vault is the vault of the database's backups, in each region that has one.
func (p Platform) Vault() string { return p.Database() }

// DatabaseGeneration is the identifier of the database that was restored for the
// n-th time; the first one has no number.
func (p Platform) DatabaseGeneration(n int) string {
	if n == 1 {
		return p.Database()
	}
	return p.Database() + "-" + strconv.Itoa(n)
}

// Path is how the names of the SSM parameters begin.
func (p Platform) Path() string { return "/" + p.Project + "/" + p.Environment }

// ConfigPath is how the names of the parameters with plain settings begin.
func (p Platform) ConfigPath() string { return p.Path() + "/config" }

// APIKeyPath is how the names of the parameters with API keys begin.
func (p Platform) APIKeyPath() string { return p.Path() + "/api-keys" }

// DatabaseURL is the parameter with the database's URL, without a password.
func (p Platform) DatabaseURL() string { return p.Path() + "/database/url" }

// TokensSecret is the secret with the hashes of the bearer tokens.
func (p Platform) TokensSecret() string { return p.Project + "/" + p.Environment + "/tokens" }

// Repository is the name of the ECR repository.
func (p Platform) Repository() string { return p.Project + "/" + p.Project + "-server" }

// TrafficPath is the path of the SSM parameters about the traffic, which the
// traffic controller writes and the platform reads.
func (p Platform) TrafficPath() string { return p.Path() + "/traffic" }

// Trail is the name of the audit trail.
func (p Platform) Trail() string { return p.Database() }

// SwitchedBack is the name of the parameter with the digest that lost its traffic.
func (p Platform) SwitchedBack() string { return p.TrafficPath() + "/switched-back" }

// OperatorRole is the role of the people who switch the traffic.
func (p Platform) OperatorRole() string { return p.Project + "-operator-" + p.Environment }

// LiveDomain is the name whose weighted records carry the traffic.
func LiveDomain(domain string) string { return "live." + domain }

// ColorDomain is the name of one colour.
func ColorDomain(color, domain string) string { return color + "." + domain }

// CDNDomain is the name of the CDN.
func CDNDomain(domain string) string { return "cdn." + domain }

// Check returns an error for each name that AWS would refuse.
func (p Platform) Check() []error {
	if errs := checkTokens(p.Project, p.Environment); len(errs) > 0 {
		return errs
	}
	return tooLong("group of traces", p.Database(), MaxTraceGroup) // the shortest limit on this name
}

func checkTokens(parts ...string) (errs []error) {
	for _, p := range parts {
		if !token.MatchString(p) {
			errs = append(errs, fmt.Errorf(
				"name part %q must be lower-case letters, digits and single hyphens, starting with a letter", p))
		}
	}
	return errs
}

func tooLong(kind, name string, limit int) []error {
	if len(name) <= limit {
		return nil
	}
	return []error{fmt.Errorf("%s name %q has %d characters, AWS allows %d: shorten it by %d",
		kind, name, len(name), limit, len(name)-limit)}
}
