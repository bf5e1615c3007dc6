// Package drill loses data on purpose and restores it: rows are written, backed up
// and lost, a database is restored, and what it has is compared with what was
// written. The report has the time that was lost and the time that it took, and what
// both would be on AWS against the budget.
//
// Start with [Run]. What is restored and how is the [Platform]'s.
package drill
