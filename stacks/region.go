package stacks

import (
	"maps"
	"slices"
	"strings"
)

// regions are those of AWS's commercial partition, with whether they must be opted in
// to.
// https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
var regions = map[string]bool{
	"af-south-1": true, "ap-east-1": true, "ap-east-2": true, "ap-northeast-1": false, "ap-northeast-2": false, "ap-northeast-3": false,
	"ap-south-1": false, "ap-south-2": true, "ap-southeast-1": false, "ap-southeast-2": false, "ap-southeast-3": true,
	"ap-southeast-4": true, "ap-southeast-5": true, "ap-southeast-6": true, "ap-southeast-7": true, "ca-central-1": false,
	"ca-west-1": true, "eu-central-1": false, "eu-central-2": true, "eu-north-1": false, "eu-south-1": true, "eu-south-2": true,
	"eu-west-1": false, "eu-west-2": false, "eu-west-3": false, "il-central-1": true, "me-central-1": true, "me-south-1": true,
	"mx-central-1": true, "sa-east-1": false, "us-east-1": false, "us-east-2": false, "us-west-1": false, "us-west-2": false,
}

func checkRegion(c checker, region string) {
	_, known := regions[region]
	c.require(known, "must be an AWS region", region, `for example "eu-central-1"; one that is new belongs into stacks/region.go`)
}

// checkLogRegion refuses a region whose buckets CloudFront's standard logs do not reach.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html
func checkLogRegion(c checker, region string) {
	c.require(!regions[region], "must be a region that an account has without opting in: CloudFront's logs do not reach the others", region,
		"choose one of "+strings.Join(slices.DeleteFunc(slices.Sorted(maps.Keys(regions)), func(name string) bool { return regions[name] }), ", "))
}
