// Package waf is the web application firewall of a platform: a web ACL with
// AWS's managed rule groups and a rate limit, whose log leaves credentials out.
//
// Start with [New], then [Associate] a REGIONAL web ACL with each load balancer;
// a CloudFront distribution takes the ARN of a CLOUDFRONT one itself.
//
// The resources are registered by token: compiling pulumi-aws's package wafv2
// costs more time and memory than all other packages of the program together.
package waf
