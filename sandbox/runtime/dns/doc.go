// Package dns is the runtime's Route 53: a [Zone] answers for record sets by
// their routing policies and the health of what they lead to, and a [Door] lets
// clients in as if their resolver had asked it.
//
// There is no DNS server: a browser or curl is pointed at the door's address
// (curl --connect-to), and the door, for each new connection, does what the
// client's resolver would have done. As with a resolver, an answer is kept for
// its TTL, for each client address, and a connection stays where it went however
// the weights change.
package dns
