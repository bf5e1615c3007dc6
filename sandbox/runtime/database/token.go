package database

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"time"
)

const (
	// tokenAge is how old a token may be.
	// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
	tokenAge = 15 * time.Minute
	// clockSkew is how far ahead its clock may be: AWS allows 5 minutes.
	clockSkew = 5 * time.Minute

	iso8601   = "20060102T150405Z"
	algorithm = "AWS4-HMAC-SHA256"
)

// check returns why a password is no token that is good now for a user at the
// endpoint, a host and port. It never has any of it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func (o Options) check(token, user, endpoint string, now time.Time) error {
	u, err := url.Parse("https://" + token)
	if err != nil || !u.Query().Has("X-Amz-Signature") {
		return errors.New("the password is no token of IAM")
	}
	q := u.Query()
	signature := q.Get("X-Amz-Signature")
	q.Del("X-Amz-Signature")
	at, err := time.Parse(iso8601, q.Get("X-Amz-Date"))
	lifetime, errLifetime := time.ParseDuration(q.Get("X-Amz-Expires") + "s")
	scope := strings.Split(q.Get("X-Amz-Credential"), "/")
	if err != nil || errLifetime != nil || len(scope) != 5 || q.Get("X-Amz-Algorithm") != algorithm || q.Get("X-Amz-SignedHeaders") != "host" {
		return errors.New("the token is incomplete")
	}
	secret, known := o.SecretKey(scope[0])
	want := []string{scope[0], at.Format("20060102"), o.Region, "rds-db", "aws4_request"}
	switch {
	case !known:
		return errors.New("the token's access key is unknown")
	case strings.Join(scope, "/") != strings.Join(want, "/"):
		return errors.New("the token is for another region, service or day")
	case q.Get("Action") != "connect" || q.Get("DBUser") != user:
		return errors.New("the token is for another user or action")
	case u.Host != endpoint:
		return errors.New("the token is for another host or port")
	case now.After(at.Add(min(lifetime, tokenAge))):
		return errors.New("the token has expired")
	case now.Before(at.Add(-clockSkew)):
		return errors.New("the token is from the future")
	case !hmac.Equal([]byte(signature), []byte(sign(secret, u.Host, q, scope[1:]))):
		return errors.New("the token's signature is wrong")
	}
	return nil
}

// sign returns the signature of a GET of / with a query.
func sign(secret, host string, query url.Values, scope []string) string {
	hash := func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	request := strings.Join([]string{
		"GET", "/", strings.ReplaceAll(query.Encode(), "+", "%20"), "host:" + host, "", "host", hash(""),
	}, "\n")
	text := strings.Join([]string{algorithm, query.Get("X-Amz-Date"), strings.Join(scope, "/"), hash(request)}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range append(scope, text) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}
