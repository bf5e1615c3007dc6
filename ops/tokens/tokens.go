// Package tokens rotates the bearer tokens of an environment. Two may be valid at a
// time: rotating adds one, and retiring takes the older away once the clients have
// the newer. The secret has their hashes only, the newest first, one a line.
//
// Start with [Rotate].
package tokens

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
)

// Settle is how long after a rotation every server knows the newer token: they read
// the secret every minute, and a read may fail.
const Settle = 5 * time.Minute

// Stage says which version of a secret is meant.
type Stage string

// https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
const (
	Current  Stage = "AWSCURRENT"
	Previous Stage = "AWSPREVIOUS"
)

// Version is one version of a secret.
type Version struct {
	Text    string
	Created time.Time
}

// Store is where the secret is.
type Store interface {
	// Read returns a version, or nil when there is none.
	Read(ctx context.Context, stage Stage) (*Version, error)
	// Write makes a new current version; the current one becomes the previous.
	Write(ctx context.Context, text string) error
}

// Token is a token that is valid, without what would give it away.
type Token struct {
	Fingerprint string `json:"fingerprint"` // the first digits of the hash
	// Since is when it was made, or the first that is known of it.
	Since time.Time `json:"since"`
}

// Read returns the valid tokens, the newest first.
func Read(ctx context.Context, store Store) ([]Token, error) {
	list, _, err := read(ctx, store)
	return list, err
}

func read(ctx context.Context, store Store) (list []Token, hashes []string, err error) {
	current, err := store.Read(ctx, Current)
	if err != nil || current == nil {
		return nil, nil, err
	}
	if hashes, err = parse(current.Text); err != nil {
		return nil, nil, err
	}
	previous, err := store.Read(ctx, Previous)
	if err != nil {
		return nil, nil, err
	}
	for _, hash := range hashes {
		since := current.Created
		if previous != nil && strings.Contains(previous.Text, hash) {
			since = previous.Created
		}
		list = append(list, Token{strings.TrimPrefix(hash, hashPrefix)[:fingerprint], since.UTC()})
	}
	return list, hashes, nil
}

const (
	hashPrefix  = "sha256:"
	fingerprint = 8 // digits
)

func parse(text string) (hashes []string, err error) {
	parsed, err := guard.ParseTokens(text)
	for _, sum := range parsed {
		hashes = append(hashes, hashPrefix+hex.EncodeToString(sum[:]))
	}
	return hashes, err
}

// Rotate makes a token valid beside the one that is. deliver gets it first: should
// the write fail, a token that nobody has cannot have become the newest.
func Rotate(ctx context.Context, store Store, deliver func(token string) error) error {
	_, hashes, err := read(ctx, store)
	if err != nil {
		return err
	}
	if len(hashes) > 1 {
		return &ops.RefusedError{What: "rotation of the tokens", Problems: []error{fmt.Errorf(
			"one token may be valid before it, there are %d: run ops tokens retire when all clients have the newest", len(hashes))}}
	}
	token, hash := guard.NewToken()
	if err := deliver(token); err != nil {
		return fmt.Errorf("handing the new token over, it is not valid: %w", err)
	}
	if err := store.Write(ctx, strings.Join(append([]string{hash}, hashes...), "\n")); err != nil {
		return fmt.Errorf("it is not known whether the new token %s is valid, see ops tokens status: %w", Fingerprint(token), err)
	}
	return nil
}

// Fingerprint is the one that the status has of a token.
func Fingerprint(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])[:fingerprint]
}

// RetireOptions of [Retire].
type RetireOptions struct {
	// Newest takes the newest token away, one that was never given out or that leaked.
	// Default: the oldest.
	Newest bool
	// Now does not wait for [Settle].
	Now bool
}

// Retire takes a token away, when another one stays and confirm agrees.
func Retire(ctx context.Context, store Store, opts RetireOptions, confirm func(goes, stays Token) error) error {
	list, hashes, err := read(ctx, store)
	if err != nil {
		return err
	}
	refuse := func(err error) error {
		return &ops.RefusedError{What: "retirement of a token", Problems: []error{err}}
	}
	if len(list) < 2 {
		return refuse(fmt.Errorf("two tokens must be valid, there are %d: run ops tokens rotate", len(list)))
	}
	goes, stays := len(list)-1, 0
	if opts.Newest {
		goes, stays = 0, 1
	}
	if age := time.Since(list[stays].Since); age < Settle && !opts.Now && !opts.Newest {
		return refuse(fmt.Errorf("the token that stays, %s, must be %s old for all servers to know it, it is %s: wait, or add --now",
			list[stays].Fingerprint, Settle, age.Round(time.Second)))
	}
	if err := confirm(list[goes], list[stays]); err != nil {
		return refuse(err)
	}
	return store.Write(ctx, strings.Join(slices.Delete(hashes, goes, goes+1), "\n"))
}
