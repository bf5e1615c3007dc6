package database

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestSecretIsKeptForSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reads, fail := 0, error(nil)
		s := &secret{
			read: func(context.Context) (login, error) {
				reads++
				return login{Username: "user"}, fail
			},
			breaker: newBreaker[login](Config{Breaker: Breaker{Threshold: 2}, Logger: slog.New(slog.DiscardHandler)}, "secrets"),
		}
		get := func(want error, wantReads int) {
			t.Helper()
			l, err := s.get(t.Context())
			assert.ErrorIs(t, err, want)
			if want == nil {
				assert.Equal(t, login{Username: "user"}, l)
			}
			assert.Equal(t, wantReads, reads)
		}
		get(nil, 1)
		time.Sleep(secretAge - time.Nanosecond)
		get(nil, 1)
		time.Sleep(time.Nanosecond)
		get(nil, 2)
		s.forget()
		get(nil, 3)

		fail = errors.New("AWS is down")
		get(nil, 3)
		time.Sleep(secretAge)
		get(fail, 4)
		get(fail, 5)
		_, err := s.get(t.Context())
		assert.EqualError(t, err, "circuit breaker is open")
		fail = nil
		time.Sleep(time.Minute + time.Nanosecond)
		get(nil, 6)
	})
}
