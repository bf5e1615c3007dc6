// Command codeflow-infrastructure is the Pulumi program that brings CodeFlow to
// AWS: pulumi up -s prod, -s blue or -s green.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/stacks"
)

func main() {
	pulumi.Run(stacks.Program(stacks.Project{Module: ".", Config: "."}))
}
