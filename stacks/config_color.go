package stacks

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/ecsservice"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/logretention"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/tracing"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/signin/rule"
)

// Color is the config of a colour stack, the key codeflow:color.
type Color struct {
	Project            string    `json:"project"`            // start of every name
	Name               string    `json:"name"`               // "blue", "green"
	Platform           string    `json:"platform"`           // the platform's stack, for example "prod"
	Region             string    `json:"region"`             // the platform's region
	Domain             string    `json:"domain"`             // the platform's domain; absent when it has none
	Agents             string    `json:"agents"`             // the bundle's config file, from the project's folder
	Image              Image     `json:"image"`              //
	Service            Service   `json:"service"`            //
	Access             Access    `json:"access"`             //
	Scaling            Scaling   `json:"scaling"`            //
	Tracing            Tracing   `json:"tracing"`            //
	Logs               ColorLogs `json:"logs"`               //
	DeletionProtection bool      `json:"deletionProtection"` // of the load balancer
}

// Image is what the server's image is built on.
type Image struct {
	Base string `json:"base"` // "scratch", an image by digest, or an OCI layout
}

// Service is the size of the service.
type Service struct {
	Port                       int    `json:"port"`
	CPU                        int    `json:"cpu"`                        // units, 1024 a core
	Memory                     int    `json:"memory"`                     // MiB
	DesiredCount               int    `json:"desiredCount"`               // tasks at first
	SpotShare                  int    `json:"spotShare"`                  // percent
	DeregistrationDelaySeconds int    `json:"deregistrationDelaySeconds"` // to finish requests
	SteadyStateTimeout         string `json:"steadyStateTimeout"`         // a Go duration
	RequireDatabase            bool   `json:"requireDatabase"`            // unhealthy without it
}

// Access is who may use the service: everybody, or who has a bearer token, which
// ops tokens makes, or who signs in.
type Access struct {
	Public bool  `json:"public"`
	OIDC   *OIDC `json:"oidc"` // absent: nobody signs in
}

// OIDC is the OpenID Connect issuer that signs people and clients in.
type OIDC struct {
	Issuer   string   `json:"issuer"`   // https URL, as its tokens have it
	Audience string   `json:"audience"` // aud of its tokens for the service
	Scopes   []string `json:"scopes"`   // that they must have
	ClientID string   `json:"clientId"` // the web page's, without a secret; absent: the audience
}

// Tracing is which requests are traced, and by what.
type Tracing struct {
	SamplePercent int `json:"samplePercent"` // of the requests; 0: none
	// Collector is the image, by digest. Without NAT it must be one of the account's.
	Collector string `json:"collector"`
}

// ColorLogs is how long the server's log is kept.
type ColorLogs struct {
	RetentionDays int `json:"retentionDays"`
}

// Scaling is the range of the task count and what it follows.
type Scaling struct {
	Min               int `json:"min"`
	Max               int `json:"max"`
	CPU               int `json:"cpu"`               // percent
	Memory            int `json:"memory"`            // percent
	RequestsPerTarget int `json:"requestsPerTarget"` // per minute
}

func defaultColor() *Color {
	return &Color{
		Project: "codeflow", Agents: "agents/bundle.yaml",
		Image: Image{Base: "scratch"},
		Service: Service{
			Port: 3000, CPU: 512, Memory: 1024, DesiredCount: 3,
			DeregistrationDelaySeconds: 30, SteadyStateTimeout: "15m",
		},
		Scaling: Scaling{Min: 3, Max: 12, CPU: 70, Memory: 80, RequestsPerTarget: 1000},
		Tracing: Tracing{SamplePercent: 5, Collector: tracing.Image},
		Logs:    ColorLogs{RetentionDays: 30}, DeletionProtection: true,
	}
}

func (s Scaling) component() ecsservice.Scaling {
	return ecsservice.Scaling{Min: s.Min, Max: s.Max, CPU: s.CPU, Memory: s.Memory, RequestsPerTarget: s.RequestsPerTarget}
}

func (k *Color) validate(c checker) {
	c.at("name").require(k.Name != "", "is required", nil, `for example "blue"`)
	checkRegion(c.at("region"), k.Region)
	if k.Name != "" {
		c.adopt(naming.Color{Project: k.Project, Color: k.Name}.Check()...)
	}
	if k.Domain != "" {
		checkDomain(c.at("domain"), k.Domain)
	}
	c.at("agents").require(k.Agents != "" && filepath.IsLocal(k.Agents), "must be a path inside the project", k.Agents, `for example "agents/bundle.yaml"`)
	k.Image.validate(c.at("image"))
	k.Service.validate(c.at("service"))
	k.Access.validate(c.at("access"), k.Domain)
	k.Scaling.validate(c.at("scaling"), k.Service.DesiredCount)
	c.at("tracing.samplePercent").between(k.Tracing.SamplePercent, 0, 100, "0 for no traces")
	c.at("tracing.collector").adopt(tracing.CheckImage(k.Tracing.Collector))
	c.adopt(logretention.Check(k.Logs.RetentionDays))
}

func (i *Image) validate(c checker) {
	c.at("base").require(i.Base != "", "is required", nil, `"scratch", or an image by digest`)
}

func (a *Access) validate(c checker, domain string) {
	if a.OIDC == nil {
		return
	}
	c = c.at("oidc")
	c.require(!a.Public, "must be absent when everybody may use the service", nil, "remove it, or set access.public to false")
	c.require(domain != "", "needs a domain, which the issuer sends browsers back to", nil, "set the domain, or remove it")
	c.at("issuer").require(rule.URL(a.OIDC.Issuer) && strings.HasPrefix(a.OIDC.Issuer, "https:"),
		"must be an https URL without a query", a.OIDC.Issuer, "it is what the issuer's /.well-known/openid-configuration has as issuer")
	c.at("audience").require(a.OIDC.Audience != "" && rule.Word(a.OIDC.Audience),
		"must be what the issuer's tokens for this service have as aud", a.OIDC.Audience, `for example "https://codeflow.example.com/mcp"`)
	c.at("clientId").require(rule.Word(a.OIDC.ClientID), "must have no spaces", a.OIDC.ClientID, "")
	for i, scope := range a.OIDC.Scopes {
		c.at("scopes."+strconv.Itoa(i)).require(rule.Scope(a.OIDC.Scopes, i),
			"must be one scope, and no other's twin", scope, "as the issuer's tokens have them")
	}
}

// takenPorts are the server's metrics and the collector's: OTLP and its health check.
// https://github.com/open-telemetry/opentelemetry-collector/blob/main/receiver/otlpreceiver/README.md
var takenPorts = []int{9090, 4317, 4318, 13133}

func (s *Service) validate(c checker) {
	// Below 1024 a process needs a capability that the task's containers do not have.
	c.at("port").between(s.Port, 1024, 65535, "")
	c.at("port").require(!slices.Contains(takenPorts, s.Port), "must not be one that another part of the task listens on", s.Port, "for example 3000")
	c.adopt(ecsservice.CheckSize(s.CPU, s.Memory))
	c.at("spotShare").between(s.SpotShare, 0, 100, "percent of the tasks")
	c.at("deregistrationDelaySeconds").between(s.DeregistrationDelaySeconds, 0, 3600, "")
	timeout, err := time.ParseDuration(s.SteadyStateTimeout)
	c.at("steadyStateTimeout").require(err == nil && timeout >= time.Minute && timeout <= 2*time.Hour,
		"must be a duration from 1m to 2h", s.SteadyStateTimeout, `for example "15m"`)
}

func (s Scaling) validate(c checker, desired int) { c.adopt(s.component().Check(desired)...) }
