package guard_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
)

func TestRotating(t *testing.T) {
	t.Parallel()
	first, firstHash := guard.NewToken()
	second, secondHash := guard.NewToken()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // of what is read
		list, fail, reads := "", errors.New("AWS is down"), 0
		read := func(context.Context) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			reads++
			return list, fail
		}
		set := func(text string, err error) {
			mu.Lock()
			defer mu.Unlock()
			list, fail = text, err
		}
		var log bytes.Buffer
		tokens := &guard.Rotating{}
		handler := guard.New(ok, guard.Options{Rotating: tokens})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			tokens.Follow(ctx, read, slog.New(slog.NewTextHandler(&log, nil)))
		}()
		expect := func(wantFirst, wantSecond int) {
			t.Helper()
			synctest.Wait()
			for token, want := range map[string]int{first: wantFirst, second: wantSecond, "": 401} {
				r := request("10.0.0.1", "h", "")
				r.Header.Set("Authorization", "Bearer "+token)
				rec := httptest.NewRecorder()
				handler.ServeHTTP(rec, r)
				assert.Equal(t, want, rec.Code)
			}
		}
		expect(401, 401)
		set(firstHash+"\n", nil)
		time.Sleep(10 * time.Second)
		expect(200, 401)
		set(firstHash+"\n"+secondHash+"\n", nil)
		time.Sleep(time.Minute - time.Second)
		expect(200, 401)
		time.Sleep(time.Second)
		expect(200, 200)
		set("", errors.New("AWS is down"))
		time.Sleep(time.Minute)
		expect(200, 200)
		set(second, nil) // a token by mistake
		time.Sleep(time.Minute)
		expect(200, 200)
		set(secondHash, nil)
		time.Sleep(2 * time.Minute)
		expect(401, 200)
		set("\n", nil)
		time.Sleep(time.Minute)
		expect(401, 401)
		stop()
		<-done
		assert.Equal(t, 8, reads)

		assert.Equal(t, 4, strings.Count(log.String(), `msg="bearer tokens changed"`), "what stays is not told")
		assert.Equal(t, 3, strings.Count(log.String(), "level=WARN"))
		assert.Contains(t, log.String(), "count=2 fingerprints=\"["+firstHash[7:15]+" "+secondHash[7:15]+"]\"")
		for _, hidden := range []string{first, second, firstHash[7:16], secondHash[7:16]} {
			assert.NotContains(t, log.String(), hidden)
		}
	})
}

func TestPrivate(t *testing.T) {
	t.Parallel()
	_, hash := guard.NewToken()
	tokens, err := guard.ParseTokens(hash)
	require.NoError(t, err)
	assert.False(t, guard.Options{}.Private())
	assert.True(t, guard.Options{Tokens: tokens}.Private())
	assert.True(t, guard.Options{Rotating: &guard.Rotating{}}.Private(), "also before they are known")
}
