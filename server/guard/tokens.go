package guard

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

const (
	hashPrefix  = "sha256:"
	fingerprint = 8 // digits of a hash that may be shown
)

// Tokens are the hashes of bearer tokens. A hash needs no salt and no slowness,
// because [NewToken] makes tokens that cannot be guessed.
type Tokens [][sha256.Size]byte

// NewToken returns a token of 256 random bits and its hash, "sha256:" and 64
// hexadecimal digits.
func NewToken() (token, hash string) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	token = base64.RawURLEncoding.EncodeToString(secret)
	sum := sha256.Sum256([]byte(token))
	return token, hashPrefix + hex.EncodeToString(sum[:])
}

// ParseTokens reads hashes as [NewToken] makes them, separated by white space or
// commas. Its errors give the place of what is wrong and not the text, which may
// be a token.
func ParseTokens(list string) (Tokens, error) {
	var tokens Tokens
	for i, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' }) {
		digits, ok := strings.CutPrefix(word, hashPrefix)
		sum, err := hex.DecodeString(digits)
		if !ok || err != nil || len(sum) != sha256.Size {
			return nil, fmt.Errorf(`token %d must be "sha256:" and 64 hexadecimal digits: run "codeflow-server token" for a token and its hash`, i+1)
		}
		tokens = append(tokens, [sha256.Size]byte(sum))
	}
	return tokens, nil
}

// fingerprints tell tokens apart, and give nothing away.
func (t Tokens) fingerprints() []string {
	list := make([]string, len(t))
	for i, sum := range t {
		list[i] = hex.EncodeToString(sum[:])[:fingerprint]
	}
	return list
}

// admit reports whether a request has one of the tokens. It takes as long for
// every wrong token.
func (t Tokens) admit(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(token))
	found := 0
	for i := range t {
		found |= subtle.ConstantTimeCompare(sum[:], t[i][:])
	}
	return found == 1 && strings.EqualFold(scheme, "Bearer")
}
