// Command codeflow-server is what the tests pack: small, so that it is
// compiled in a moment.
package main

func main() {}
