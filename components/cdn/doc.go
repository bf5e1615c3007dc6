// Package cdn is the content delivery of a platform: a private bucket of static
// assets behind a CloudFront distribution, which also takes API requests to the
// application, uncached.
//
// What a stack may not have is optional: without [Args].Domain the distribution
// answers on its CloudFront name, without [Args].APIOrigin it serves assets only.
//
// Start with [New].
package cdn
