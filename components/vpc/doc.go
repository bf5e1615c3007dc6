// Package vpc is the network of a platform: a VPC with public, private and
// database subnets in each zone, built with awsx, and what awsx lacks.
//
// The database tier is isolated: its route tables have no way out. AWS services
// are reached through endpoints, and one security group opens them: members of
// the client group may use the interface endpoints and, where the rds component
// admits it, the database. The group has no ingress, so it is attached to tasks
// beside a group of their own. Endpoints have private DNS, so whatever is not a
// member cannot reach those services from the VPC at all, NAT or not.
//
// Without NAT a Fargate task reaches nothing but the endpoints. To start, it
// pulls its image (ecr.api, ecr.dkr, and the layers from S3 through the gateway
// endpoint), opens its log stream (logs) and reads its secrets (ssm,
// secretsmanager). Those are always made when NAT is None, besides what
// Endpoints asks for. kms is not among them: SSM and Secrets Manager decrypt on
// their side. Regions opened since December 2023 need ecs, ecs-agent and
// ecs-telemetry as well: add them to Endpoints.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html
//
// Start with [New]; [CheckLayout] tells beforehand whether the tiers fit.
package vpc
