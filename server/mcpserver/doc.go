// Package mcpserver offers a [catalog.Catalog] over the Model Context Protocol:
// tools to find and read agents and commands, commands as prompts, and both as
// resources.
//
// A server keeps no state between requests, so any task of any colour can
// answer any of them: cursors of lists are names, and nothing is pushed to
// clients. A bundle never changes while it is served, so no list is announced
// as changing.
//
// Start at [New].
package mcpserver
