// Package awsapi answers AWS's protocols over HTTP: AWS JSON, Query, REST-XML and
// RPC v2 CBOR, as the SDKs and the AWS CLI speak them. What an operation does is a
// function over the SDK's own input and output types; a [Server] reads and writes them,
// and knows nothing of an account.
//
// Who calls is told by the access key, which [Server.Key] gives out, and proved by the
// signature: without a key nothing is answered.
//
// https://smithy.io/2.0/aws/protocols/index.html
package awsapi
