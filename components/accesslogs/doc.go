// Package accesslogs is the bucket that keeps the access logs of load
// balancers, of S3 buckets and of CloudFront distributions.
//
// What those services demand decides its settings. A load balancer cannot write
// to a bucket encrypted with KMS, so the bucket has SSE-S3. CloudFront's
// standard logging grants itself access through an ACL, so ACLs stay enabled,
// with everything that is written belonging to the bucket's owner
// (BucketOwnerPreferred). Each log file is written once and never changed: versions
// keep what somebody overwrote or deleted.
//
// Start with [New].
package accesslogs
