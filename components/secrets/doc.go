// Package secrets is what the programs of an environment read from AWS: settings,
// API keys, the address of the database and the hashes of the bearer tokens.
//
// # What is where
//
// Settings and the database's URL are no secrets: they are String parameters, and
// previews show them. API keys are SecureString parameters; they come from Pulumi's
// secret config and are secret in the state. The bearer tokens are one secret of
// Secrets Manager, which the program makes empty: "ops tokens" writes it, so neither
// program nor state ever has them.
//
// # Who may read
//
// One key encrypts the API keys and the tokens. Its policy leaves the account in
// charge, as every key's must, and IAM could then let anybody decrypt. So the policy
// denies that to everybody but the colours' task roles and the operators, and to
// them too except through Parameter Store and Secrets Manager. The secret's own
// policy does the same for the tokens. Both know the roles by the beginnings of
// their names, since the colours are stacks of their own and come later. Whoever is
// denied by mistake can still change both policies.
//
// Roles need permissions besides: [Access] has the statements.
//
// The master secret of the database is not here. RDS makes, owns and rotates it, and
// AWS documents resource policies for "secrets you manage" only
// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_update-secret.html);
// it is protected by the database's key and by who has a statement for it.
//
// Start with [New].
package secrets
