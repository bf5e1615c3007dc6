package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"

	"github.com/ferg-cod3s/codeflow-infrastructure/server"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/database"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/secret"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/signin"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry"
)

// config is what the flags and the environment say.
type config struct {
	address           string
	port              int
	metricsAddress    string
	metricsPort       int
	bundle            string
	color, image      string
	publicURL         string
	public            bool
	tokens            guard.Tokens
	tokensSecret      *secret.Secret
	oidc              signin.Options
	hosts             []string
	concurrency       int
	clientConcurrency int
	maxBody           int64
	proxies           int
	database          database.Config
	requireDatabase   bool
	usageRetention    time.Duration
	breakerThreshold  uint
	logLevel          string
	level             *telemetry.Level // of logLevel
	metricsNamespace  string
	metricsInterval   time.Duration
	otlpEndpoint      string
	sampleRatio       float64
	drain             server.Drain
	workspace         string

	stdio, checkConfig, version bool
	command                     []string // what stands behind the flags
}

// environment names the variable of each flag that has one. A flag overrides it.
var environment = map[string]string{
	"address":            "CODEFLOW_ADDRESS",
	"port":               "PORT",
	"bundle":             "CODEFLOW_BUNDLE",
	"color":              "CODEFLOW_COLOR",
	"image":              "CODEFLOW_IMAGE",
	"url":                "CODEFLOW_URL",
	"public":             "CODEFLOW_PUBLIC",
	"tokens":             "CODEFLOW_TOKENS",
	"tokens-secret":      "CODEFLOW_TOKENS_SECRET_ARN",
	"oidc-issuer":        "CODEFLOW_OIDC_ISSUER",
	"oidc-audience":      "CODEFLOW_OIDC_AUDIENCE",
	"oidc-scopes":        "CODEFLOW_OIDC_SCOPES",
	"oidc-client":        "CODEFLOW_OIDC_CLIENT",
	"hosts":              "CODEFLOW_HOSTS",
	"concurrency":        "CODEFLOW_CONCURRENCY",
	"client-concurrency": "CODEFLOW_CLIENT_CONCURRENCY",
	"max-body":           "CODEFLOW_MAX_BODY",
	"proxies":            "CODEFLOW_PROXIES",
	"database-url":       "DATABASE_URL",
	"database-iam":       "CODEFLOW_DATABASE_IAM",
	"database-login":     "CODEFLOW_DATABASE_LOGIN",
	"require-database":   "CODEFLOW_REQUIRE_DATABASE",
	"usage-retention":    "CODEFLOW_USAGE_RETENTION",
	"breaker-threshold":  "CODEFLOW_BREAKER_THRESHOLD",
	"breaker-timeout":    "CODEFLOW_BREAKER_TIMEOUT",
	"log-level":          "LOG_LEVEL",
	"metrics-address":    "CODEFLOW_METRICS_ADDRESS",
	"metrics-port":       "CODEFLOW_METRICS_PORT",
	"metrics-namespace":  "CODEFLOW_METRICS_NAMESPACE",
	"metrics-interval":   "CODEFLOW_METRICS_INTERVAL",
	"otlp-endpoint":      "OTEL_EXPORTER_OTLP_ENDPOINT",
	"trace-sample-ratio": "OTEL_TRACES_SAMPLER_ARG",
	"drain-notice":       "CODEFLOW_DRAIN_NOTICE",
	"drain-timeout":      "CODEFLOW_DRAIN_TIMEOUT",
	"workspace":          "CODEFLOW_WORKSPACE",
}

const (
	prefix   = "CODEFLOW_"
	loopback = "127.0.0.1"

	minBody, maxBody = 1 << 10, 16 << 20
)

// flags are the settings, with their defaults in cfg. docs/server.md has them in
// a table, which a test compares.
func (cfg *config) flags() *flag.FlagSet {
	f := flag.NewFlagSet("codeflow-server", flag.ContinueOnError)
	f.StringVar(&cfg.address, "address", loopback, "address to serve on; the image has 0.0.0.0, which is every one")
	f.IntVar(&cfg.port, "port", 3000, "port to serve on")
	f.StringVar(&cfg.bundle, "bundle", "/bundle", "directory of the bundle")
	f.StringVar(&cfg.color, "color", "", "colour of the stack, as /health, logs and metrics tell it")
	f.StringVar(&cfg.image, "image", "", "digest of the image that runs, as the web page shows it")
	f.StringVar(&cfg.publicURL, "url", "", "where clients reach the server, as its web page shows it; without it, where they asked for the page")
	f.BoolVar(&cfg.public, "public", false, "serve everybody; otherwise tokens are needed")
	f.Func("tokens", "hashes of the bearer tokens, as the command token prints them, separated by commas or lines", func(s string) (err error) {
		cfg.tokens, err = guard.ParseTokens(s)
		return err
	})
	f.Func("tokens-secret", "ARN of the secret that has such hashes, read each minute", func(s string) (err error) {
		cfg.tokensSecret, err = secret.New(s)
		return err
	})
	f.StringVar(&cfg.oidc.Issuer, "oidc-issuer", "", "URL of the OpenID Connect issuer whose tokens let people and clients in, besides other tokens")
	f.StringVar(&cfg.oidc.Audience, "oidc-audience", "", "what the issuer's tokens for this server have as aud")
	f.Func("oidc-scopes", "scopes that such a token must have, separated by spaces", func(s string) error {
		cfg.oidc.Scopes = strings.Fields(s)
		return nil
	})
	f.StringVar(&cfg.oidc.ClientID, "oidc-client", "", "the web page's client id at the issuer, without a secret; without it the audience")
	f.Func("hosts", "host names that requests may be for, separated by commas; without it any, or only local ones on a loopback address", func(s string) error {
		cfg.hosts = strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == ',' || r == ' ' })
		return nil
	})
	f.IntVar(&cfg.concurrency, "concurrency", 512, "requests handled at once; others are answered 503")
	f.IntVar(&cfg.clientConcurrency, "client-concurrency", 64, "requests of one client address handled at once; others are answered 503")
	f.Int64Var(&cfg.maxBody, "max-body", 64<<10, "bytes that the body of a request may have")
	f.IntVar(&cfg.proxies, "proxies", 0, "how many proxies there are in front that add the address they serve to X-Forwarded-For")
	f.StringVar(&cfg.database.URL, "database-url", "", "PostgreSQL for the counting of uses; without it they are not counted")
	f.BoolVar(&cfg.database.IAM, "database-iam", false, "sign in to the database by IAM, with a token for each connection")
	f.StringVar(&cfg.database.Login, "database-login", "", "user and password for the command migrate, as RDS keeps them in its secret; the server's user is that of the URL")
	f.BoolVar(&cfg.requireDatabase, "require-database", false, "be unhealthy without the database, not only degraded")
	f.DurationVar(&cfg.usageRetention, "usage-retention", 400*24*time.Hour, "how long counted uses are kept; 0 for ever")
	f.UintVar(&cfg.breakerThreshold, "breaker-threshold", 5, "failures in a row that open a circuit breaker")
	f.DurationVar(&cfg.database.Breaker.Timeout, "breaker-timeout", time.Minute, "how long a circuit breaker stays open")
	f.StringVar(&cfg.logLevel, "log-level", "info", "debug, info, warn or error; SIGHUP switches to debug and back")
	f.StringVar(&cfg.metricsAddress, "metrics-address", loopback, "address for Prometheus to read /metrics on")
	f.IntVar(&cfg.metricsPort, "metrics-port", 9090, "port for Prometheus to read /metrics on; 0 for none")
	f.StringVar(&cfg.metricsNamespace, "metrics-namespace", "", "CloudWatch namespace of the metrics in the log; without it there are none")
	f.DurationVar(&cfg.metricsInterval, "metrics-interval", time.Minute, "how often those metrics are written; CloudWatch's standard resolution is a minute")
	f.StringVar(&cfg.otlpEndpoint, "otlp-endpoint", "", "URL of an OTLP/HTTP collector of traces; without it nothing is traced")
	f.Float64Var(&cfg.sampleRatio, "trace-sample-ratio", 0.05, "share of the requests that are traced")
	f.DurationVar(&cfg.drain.Notice, "drain-notice", 3*time.Second, "how long requests are still taken after SIGTERM, with /health at 503")
	f.DurationVar(&cfg.drain.Timeout, "drain-timeout", 20*time.Second, "how long requests in flight may then take")
	f.StringVar(&cfg.workspace, "workspace", "", "directory of the files that agents work on, for -stdio only; without it the current one")
	f.BoolVar(&cfg.stdio, "stdio", false, "serve one client over standard input and output")
	f.BoolVar(&cfg.checkConfig, "check-config", false, "check the settings and the bundle, and exit")
	f.BoolVar(&cfg.version, "version", false, "print the version and exit")
	return f
}

// parse reads the settings. Its error names every one that is wrong.
func parse(args, environ []string, stderr io.Writer) (*config, error) {
	cfg := &config{}
	f := cfg.flags()
	f.SetOutput(io.Discard)
	f.Usage = func() { help(f, stderr) }
	errs := fromEnvironment(f, environ)
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	cfg.command = f.Args()
	if cfg.stdio && cfg.workspace == "" {
		cfg.workspace = "."
	}
	return cfg, errors.Join(append(errs, cfg.check()...)...)
}

func fromEnvironment(f *flag.FlagSet, environ []string) (errs []error) {
	flags := map[string]string{}
	for name, variable := range environment {
		flags[variable] = name
	}
	for _, entry := range environ {
		variable, value, _ := strings.Cut(entry, "=")
		name, known := flags[variable]
		switch {
		case known && value != "":
			if err := f.Set(name, value); err != nil {
				errs = append(errs, fmt.Errorf("environment variable %s: %w", variable, err))
			}
		case !known && strings.HasPrefix(variable, prefix):
			errs = append(errs, fmt.Errorf("environment variable %s is unknown: did you mean %s?", variable, nearest(variable)))
		}
	}
	return errs
}

func nearest(variable string) string {
	variables := []string{}
	for _, v := range environment {
		variables = append(variables, v)
	}
	return slices.MinFunc(variables, func(a, b string) int {
		return cmp.Or(
			cmp.Compare(levenshtein.Distance(variable, a, nil), levenshtein.Distance(variable, b, nil)),
			cmp.Compare(a, b))
	})
}

func (cfg *config) check() (errs []error) {
	require := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	require(cfg.port >= 1 && cfg.port <= 65535, "-port must be from 1 to 65535, got %d", cfg.port)
	require(cfg.metricsPort >= 0 && cfg.metricsPort <= 65535, "-metrics-port must be from 0 (none) to 65535, got %d", cfg.metricsPort)
	require(cfg.metricsPort != cfg.port, "-metrics-port must not be -port, got %d for both", cfg.port)
	require(cfg.concurrency >= 1, "-concurrency must be 1 or more, got %d", cfg.concurrency)
	require(cfg.clientConcurrency >= 1, "-client-concurrency must be 1 or more, got %d", cfg.clientConcurrency)
	require(cfg.maxBody >= minBody && cfg.maxBody <= maxBody, "-max-body must be from %d to %d bytes, got %d", minBody, maxBody, cfg.maxBody)
	require(cfg.proxies >= 0, "-proxies must be 0 or more, got %d", cfg.proxies)
	require(cfg.workspace == "" || cfg.stdio, "-workspace needs -stdio: over HTTP the files are on the client's host, and whoever asks would learn of this one's")
	require(cfg.sampleRatio > 0 && cfg.sampleRatio <= 1, "-trace-sample-ratio must be above 0 and up to 1, got %g: leave -otlp-endpoint out to trace nothing", cfg.sampleRatio)
	require(cfg.breakerThreshold >= 1 && cfg.breakerThreshold <= math.MaxUint32, "-breaker-threshold must be 1 or more, got %d", cfg.breakerThreshold)
	cfg.database.Breaker.Threshold = uint32(cfg.breakerThreshold)
	require(cfg.database.Breaker.Timeout > 0, "-breaker-timeout must be above 0, got %s", cfg.database.Breaker.Timeout)
	require(cfg.metricsInterval > 0, "-metrics-interval must be above 0, got %s", cfg.metricsInterval)
	require(cfg.drain.Notice >= 0 && cfg.drain.Timeout > 0, "-drain-notice must be 0 or more and -drain-timeout above 0, got %s and %s", cfg.drain.Notice, cfg.drain.Timeout)
	require(cfg.database.URL != "" || cfg.database.Login == "", "-database-login needs -database-url, which has the host and the name")
	require(cfg.database.URL != "" || !cfg.requireDatabase, "-require-database needs -database-url")
	errs = append(errs, cfg.checkSignIn()...)
	var err error
	if cfg.level, err = telemetry.ParseLevel(cfg.logLevel); err != nil {
		errs = append(errs, fmt.Errorf("-log-level: %w", err))
	}
	if cfg.database.URL != "" {
		if err := cfg.database.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("-database-url: %w", err))
		}
	}
	return errs
}

// checkSignIn is for an issuer, which is none without its URL.
func (cfg *config) checkSignIn() (errs []error) {
	cfg.oidc.URL = cfg.publicURL
	if o := cfg.oidc; o.Issuer == "" {
		if o.Audience != "" || o.ClientID != "" || len(o.Scopes) > 0 {
			errs = append(errs, errors.New("-oidc-audience, -oidc-scopes and -oidc-client need -oidc-issuer"))
		}
		return errs
	}
	for _, err := range cfg.oidc.Check() {
		errs = append(errs, fmt.Errorf("-oidc-%w", err))
	}
	if err := signin.CheckURL(cfg.publicURL); err != nil {
		errs = append(errs, fmt.Errorf("-url, which -oidc-issuer needs, %w", err))
	}
	return errs
}

// checkAccess is for serving over HTTP: the choice of who may use the server
// must not be made by forgetting it.
func (cfg *config) checkAccess() error {
	chosen := 0
	for _, is := range []bool{cfg.public, len(cfg.tokens) > 0, cfg.tokensSecret != nil} {
		if is {
			chosen++
		}
	}
	switch signIn := cfg.oidc.Issuer != ""; {
	case chosen > 1:
		return errors.New("-public, -tokens and -tokens-secret exclude each other: leave one of them")
	case signIn && cfg.public:
		return errors.New("-public and -oidc-issuer exclude each other: leave one of them")
	case chosen == 0 && !signIn:
		return errors.New("nobody may use this server: give -tokens (the command token makes one), or -tokens-secret, or -oidc-issuer, or -public to serve everybody")
	}
	return nil
}

func help(f *flag.FlagSet, w io.Writer) {
	fmt.Fprint(w, `codeflow-server serves a bundle of agents over MCP and HTTP.

  codeflow-server [flags]                                  serve until SIGTERM or SIGINT
  codeflow-server [flags] healthcheck                      exit 0 when the server on this host is healthy
  codeflow-server [flags] migrate up|up-if-reachable|down|status|to N   prepare the database
  codeflow-server token                                    make a bearer token and its hash

Flags override the environment.

`)
	f.VisitAll(func(s *flag.Flag) {
		name := "-" + s.Name
		if variable := environment[s.Name]; variable != "" {
			name += ", " + variable
		}
		fmt.Fprintf(w, "  %s\n        %s", name, s.Usage)
		if s.DefValue != "" && s.DefValue != "false" {
			fmt.Fprintf(w, " (default %s)", s.DefValue)
		}
		fmt.Fprintln(w)
	})
}
