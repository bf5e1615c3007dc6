package loadbalancer

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

// Args configures a [LoadBalancer].
type Args struct {
	// Name of the load balancer, at most 32 characters. Required; replaces.
	Name string
	// VpcID of the VPC. Required; replaces.
	VpcID pulumi.StringInput
	// SubnetIDs are public subnets in at least two zones. Required; in place.
	SubnetIDs pulumi.StringArrayInput
	// HTTPS serves TLS with CertificateARN. Without it the load balancer speaks
	// HTTP to CloudFront only. A change replaces the listener.
	HTTPS bool
	// CertificateARN of an issued certificate in the region. Required with
	// HTTPS; in place.
	CertificateARN pulumi.StringInput
	// HealthPath answers 200 on a healthy target. Default "/health"; in place.
	HealthPath string
	// DeregistrationDelay is how long a leaving target may finish its requests,
	// in seconds, at most 3600. Default 30; in place.
	DeregistrationDelay int
	// LogBucket receives the access logs. Required; in place.
	LogBucket pulumi.StringInput
	// DeletionProtection refuses to delete the load balancer. In place.
	DeletionProtection bool
}

func (a *Args) validate() error {
	if a.HealthPath == "" {
		a.HealthPath = "/health"
	}
	if a.DeregistrationDelay == 0 {
		a.DeregistrationDelay = 30
	}
	var errs []error
	if a.Name == "" || len(a.Name) > naming.MaxLoadBalancer {
		errs = append(errs, fmt.Errorf("Name must have 1 to %d characters, got %q (%d)", naming.MaxLoadBalancer, a.Name, len(a.Name)))
	}
	if a.VpcID == nil || a.SubnetIDs == nil || a.LogBucket == nil {
		errs = append(errs, errors.New("VpcID, SubnetIDs and LogBucket are required"))
	}
	if a.HTTPS && a.CertificateARN == nil {
		errs = append(errs, errors.New("CertificateARN is required with HTTPS: give an issued certificate, or turn HTTPS off"))
	}
	if a.DeregistrationDelay < 0 || a.DeregistrationDelay > 3600 {
		errs = append(errs, fmt.Errorf("DeregistrationDelay must be 0 to 3600 seconds, got %d", a.DeregistrationDelay))
	}
	return errors.Join(errs...)
}
