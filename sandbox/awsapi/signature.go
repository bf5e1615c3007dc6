package awsapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=(\w+)/\d{8}/([\w-]+)/([\w-]+)/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=[0-9a-f]{64}$`)

// authenticate tells who signed a request. The service is told even when nobody did.
func (s *Server) authenticate(r *http.Request, body []byte) (caller, error) {
	parts := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	if parts == nil {
		return caller{}, refuse("MissingAuthenticationToken", "the request must be signed by AWS Signature Version 4")
	}
	by := caller{service: parts[3], region: parts[2]}
	s.mu.Lock()
	known, ok := s.keys[parts[1]]
	s.mu.Unlock()
	if !ok {
		return by, refuse(unknownKey, "The security token included in the request is invalid: the sandbox prints keys with the command env")
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return by, refuse(badSignature, "the request must have a date: %v", err)
	}
	again := r.Clone(context.Background())
	again.Header, again.ContentLength = http.Header{}, 0
	again.URL.Host, again.URL.Scheme = r.Host, "http"
	for name := range strings.SplitSeq(parts[4], ";") {
		if name == "content-length" {
			again.ContentLength = r.ContentLength
		} else if values := r.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	hash := r.Header.Get("X-Amz-Content-Sha256")
	if !strings.Contains(hash, "-") { // UNSIGNED-PAYLOAD
		sum := sha256.Sum256(body)
		hash = hex.EncodeToString(sum[:])
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = by.service == "s3" })
	err = signer.SignHTTP(r.Context(), aws.Credentials{AccessKeyID: parts[1], SecretAccessKey: known.secret}, again, hash, by.service, by.region, at)
	want, got := again.Header.Get("Authorization"), r.Header.Get("Authorization")
	if signature := func(text string) []byte { return []byte(text[max(0, len(text)-64):]) }; err != nil ||
		subtle.ConstantTimeCompare(signature(want), signature(got)) == 0 {
		return by, refuse(badSignature, "The request signature we calculated does not match the signature you provided.")
	}
	by.principal = known.principal
	return by, nil
}
