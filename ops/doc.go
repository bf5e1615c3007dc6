// Package ops moves the traffic from one colour to another, watches it on the
// way, and brings it back by itself when the new colour is bad.
//
// # A rollout
//
// [Controller.Switch] gives the new colour its share in steps. A step edits
// codeflow:traffic in the platform's stack file, updates the platform, and then
// watches for the time to live of the records and a bake: health, alarms, times and
// server errors of the new colour, against [Thresholds] and against the old one's of the
// same minutes. Three bad samples of five end it, or a grave one, and what is not known
// is never good: a bake goes on until enough is, up to a bound. After the last step the
// old colour stays warm at weight 0 while a guard watches. How often all this is wrong
// is known from a simulation, TestRates.
//
// # The circuit breaker
//
// The guard is the circuit breaker of the deployment guide: it is closed while
// samples are good, five bad ones in a row (or a grave one) open it, and opening it
// triggers the rollback. Sixty seconds later, when no resolver caches the old
// answer any more, it is half-open: the old colour is looked at once, which closes
// it or says that the rollback did not help.
//
// # Reaction time
//
// A colour that loses its last healthy target has no weight any more after one
// interval and look ([Pace]: 10 s, and how long the cloud takes to answer) and the call
// that sets the records, which needs neither the engine nor the state. An update that is
// under way ends first, or is given up after [Pace].Update. Resolvers keep the old answer
// for another minute. Route 53 does not wait for that: it leaves out what is unhealthy
// by itself, as long as another colour has a record, even with weight 0. So the
// record of the old colour stays until the end, and a colour without healthy
// targets is never the way back while the new one has some.
//
// # Crashes
//
// Every decision is in the [Journal] before it is carried out, and the journal is
// all that a rollout is: [Fold] makes its state, so one that was killed anywhere
// is finished by [Controller.Resume] or [Controller.Abort], on any machine when the
// journal is a [SharedJournal], whose lease keeps two of them apart. Weights that are
// neither what the controller found nor what it wrote were changed by hand; they
// are left alone.
//
// The account is reached through [Cloud], the stacks through [Stacks]. Start with
// [Controller].
package ops
