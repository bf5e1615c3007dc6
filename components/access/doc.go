// Package access is what an administrator sets up once in an account, before the
// first deployment: where Pulumi keeps its state ([NewState]), who may do what
// ([NewRoles]), and the account's own settings ([NewAccount]).
//
// The permissions of the roles are written from actions.json: the actions that the
// provider calls for each type that the program registers, and what each action is
// allowed on. [Types] are the types it covers. Its lists of actions have no "*".
//
// What destroys data for good (keys, backups, versions of objects, zones, the audit
// trail) is in no role: see "withheld" in actions.json.
package access
