package waf

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/logretention"
)

// Scope is what a web ACL protects.
type Scope string

const (
	// Regional web ACLs protect load balancers of the provider's region.
	Regional Scope = "REGIONAL"
	// CloudFront web ACLs protect distributions. AWS keeps them in us-east-1.
	CloudFront Scope = "CLOUDFRONT"
)

const (
	// logGroupPrefix is what AWS demands of a log group that WAF writes to.
	// https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html
	logGroupPrefix = "aws-waf-logs-"

	// https://docs.aws.amazon.com/waf/latest/APIReference/API_RateBasedStatement.html
	minRateLimit, maxRateLimit = 10, 2_000_000_000
)

// logGroupName is the whole name of a log group.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
var logGroupName = regexp.MustCompile(`^[-._/#A-Za-z0-9]{1,512}$`)

// Args configures a [WebACL].
type Args struct {
	// Scope is [Regional] or [CloudFront]. Required; a change replaces the web
	// ACL. CloudFront needs a provider in us-east-1: pass it to [New] with
	// pulumi.Provider, so that the log group is made there too.
	Scope Scope
	// RateLimit is how many requests an address may send in five minutes, 10 to
	// 2,000,000,000. Default 2000. Updates in place. Behind a CDN the address is
	// the edge server's, shared by many viewers: set it higher there and limit
	// the viewers with the CDN's own web ACL.
	RateLimit int
	// LogRetentionDays is how long the log is kept, in days, one of CloudWatch's
	// retentions. Default 90. Updates in place.
	LogRetentionDays int
	// LogKeyARN encrypts the log group; it must be in the web ACL's region. Default:
	// CloudWatch's own key. Updates in place.
	LogKeyARN pulumi.StringPtrInput
	// LogGroupName names the log group after the prefix aws-waf-logs- that AWS
	// demands, for example "codeflow-prod-cdn". Required; a change replaces the
	// log group.
	LogGroupName string
}

func (a *Args) validate() error {
	if a.RateLimit == 0 {
		a.RateLimit = 2000
	}
	if a.LogRetentionDays == 0 {
		a.LogRetentionDays = 90
	}
	var errs []error
	if a.Scope != Regional && a.Scope != CloudFront {
		errs = append(errs, fmt.Errorf("Scope must be %s or %s, got %q", Regional, CloudFront, a.Scope))
	}
	if a.RateLimit < minRateLimit || a.RateLimit > maxRateLimit {
		errs = append(errs, fmt.Errorf("RateLimit must be %d to %d requests in five minutes, got %d",
			minRateLimit, maxRateLimit, a.RateLimit))
	}
	if err := logretention.Check(a.LogRetentionDays); err != nil {
		errs = append(errs, err)
	}
	if a.LogGroupName == "" {
		errs = append(errs, fmt.Errorf("LogGroupName is required: give what follows %s, for example %q",
			logGroupPrefix, "codeflow-prod-cdn"))
	} else if full := logGroupPrefix + a.LogGroupName; !logGroupName.MatchString(full) {
		errs = append(errs, fmt.Errorf(
			"LogGroupName must have letters, digits and .-_/# only, and with %s at most 512 characters, got %q",
			logGroupPrefix, a.LogGroupName))
	}
	return errors.Join(errs...)
}
