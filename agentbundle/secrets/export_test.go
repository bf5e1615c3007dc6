package secrets

// Rules is the number of rules.
var Rules = len(rules)
