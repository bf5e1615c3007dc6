// Package dns holds the names of a platform: its zone and certificates
// ([NewDomain]), and the records that decide which colour answers
// ([NewTraffic]).
//
//	<domain>        failover alias (PRIMARY) to live.<domain>; a disaster recovery
//	                region adds the SECONDARY
//	live.<domain>   weighted aliases to the colours' load balancers
//	<color>.<domain> alias to one colour, to test it before it gets traffic
//	cdn.<domain>    the CDN
//
// Mixed routing policies on one name are refused by Route 53, and changing the
// policy of a record replaces it: hence the failover name exists from the first
// traffic on, and only weights ever change.
package dns
