package guard_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
)

func TestRotating(t *testing.T) {
	t.Parallel()
	first, firstHash := guard.NewToken()
	second, secondHash := guard.NewToken()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		list, err := "", errors.New("AccessDeniedException")
		rotating := new(guard.Rotating)
		handler := guard.New(ok, guard.Options{Rotating: rotating})
		answers := func(wait time.Duration) [2]int {
			time.Sleep(wait)
			synctest.Wait()
			var codes [2]int
			for i, token := range []string{first, second} {
				r, rec := request("10.0.0.1", "h", ""), httptest.NewRecorder()
				r.Header.Set("Authorization", "Bearer "+token)
				handler.ServeHTTP(rec, r)
				codes[i] = rec.Code
			}
			return codes
		}
		ctx, cancel := context.WithCancel(t.Context())
		go rotating.Follow(ctx, func(context.Context) (string, error) { return list, err }, slog.New(slog.NewJSONHandler(&log, nil)))

		const no, yes = http.StatusUnauthorized, http.StatusOK
		assert.Equal(t, [2]int{no, no}, answers(0), "nobody before the first list")
		list, err = firstHash, nil
		assert.Equal(t, [2]int{yes, no}, answers(11*time.Second), "it is asked for again soon")
		list = secondHash + "\n" + firstHash
		assert.Equal(t, [2]int{yes, no}, answers(30*time.Second))
		assert.Equal(t, [2]int{yes, yes}, answers(31*time.Second), "both while one is rotated")
		err = errors.New("throttled")
		assert.Equal(t, [2]int{yes, yes}, answers(5*time.Minute), "the last known ones stay in force")
		list, err = secondHash, nil
		assert.Equal(t, [2]int{no, yes}, answers(time.Minute), "retired")
		list = ""
		assert.Equal(t, [2]int{no, no}, answers(time.Minute), "an empty list admits nobody")
		cancel()
		synctest.Wait()
		assert.Contains(t, log.String(), "throttled")
		assert.NotContains(t, log.String(), firstHash)
	})
}
