// Package audit is the record of who did what in the account: a CloudTrail trail
// of all regions, in a bucket where nobody can change or delete it for a while.
//
// Object Lock is in governance mode: only who may s3:BypassGovernanceRetention
// deletes a file early, which the trail records too. In compliance mode not even
// the account's owner could, and a wrong number of days would be paid to its end.
//
// CloudTrail checks that it can write when a trail is made, so the policies of the
// bucket and of the key name the trail before it exists, by its fixed name.
//
// The first copy of the management events of an account is free; where an
// organisation has a trail already, this one is a second.
// https://aws.amazon.com/cloudtrail/pricing/
//
// Start with [New].
package audit
