// Package loadbalancer is an internet-facing application load balancer in front
// of one service: HTTPS with TLS 1.2 and 1.3 only, HTTP redirected, access
// logs, and one target group with the health check of the service.
//
// Without a certificate there is one HTTP listener, open to CloudFront's
// origin-facing addresses only: then the CDN is the way in.
//
// The security group has no rule towards the targets: who owns the targets' own
// group adds it, since a rule needs both. Start with [New].
package loadbalancer
