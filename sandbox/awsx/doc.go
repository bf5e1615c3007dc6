// Package awsx serves, inside the calling process, the one component of the awsx 2.22.0 provider that this program
// uses, `awsx:ec2:Vpc`, so that the real engine can run the program with no plugin downloads.
//
// Start with [Serve] and hand its port to the engine with PULUMI_DEBUG_PROVIDERS=awsx:PORT. The component makes the
// same calls to the engine as the real plugin does, which the recordings in testdata prove. Where it knows less than
// the plugin, it answers with an error that names the limit.
//
// server.go speaks the provider protocol, vpc.go registers the resources, and layout.go, which knows nothing of
// Pulumi, decides the subnets.
package awsx
