package cloud

import "strings"

// balancerZones are the hosted zones of Application Load Balancers, from
// https://docs.aws.amazon.com/general/latest/gr/elb.html.
var balancerZones = map[string]string{
	"us-east-1": "Z35SXDOTRQ7X7K", "us-east-2": "Z3AADJGX6KTTL2",
	"us-west-1": "Z368ELLRRE2KJ0", "us-west-2": "Z1H1FL5HABSF5",
	"ca-central-1": "ZQSVJUPU6J1EY", "sa-east-1": "Z2P70J7HTTTPLU",
	"eu-central-1": "Z215JYRZR1TBD5", "eu-north-1": "Z23TAZ6LKFMNIO",
	"eu-west-1": "Z32O12XQLNTSW2", "eu-west-2": "ZHURV8PSTC4K8", "eu-west-3": "Z3Q77PNBQS71R4",
	"ap-south-1": "ZP97RAFLXTNZK", "ap-northeast-1": "Z14GRHDCWA56QT", "ap-northeast-2": "ZWKZPGTI48KDX",
	"ap-southeast-1": "Z1LMS91P8CMLE5", "ap-southeast-2": "Z1GM3OXH4ZPM65",
}

// balancerZone is the hosted zone of a region's load balancers; a region that
// the table does not have gets one of the right shape.
func balancerZone(region string) string {
	if zone, ok := balancerZones[region]; ok {
		return zone
	}
	return "Z" + strings.ToUpper(strings.ReplaceAll(region, "-", ""))
}

// cloudfrontZone is the hosted zone of every CloudFront distribution.
const cloudfrontZone = "Z2FDTNDATAQYW2"

// mainRegion is where CloudFront's certificates and web ACLs live.
const mainRegion = "us-east-1"

// Zones lists the availability zones of a region. The sandbox gives us-east-1
// six and every other region three.
func Zones(region string) []string {
	letters := "abc"
	if region == mainRegion {
		letters = "abcdef"
	}
	var zones []string
	for _, letter := range letters {
		zones = append(zones, region+string(letter))
	}
	return zones
}
