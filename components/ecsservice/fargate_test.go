package ecsservice_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/ecsservice"
)

func TestCheckSize(t *testing.T) {
	t.Parallel()
	for _, ok := range [][2]int{{256, 512}, {256, 2048}, {512, 1024}, {1024, 8192}, {4096, 30720}, {8192, 20480}, {16384, 122880}} {
		assert.NoError(t, ecsservice.CheckSize(ok[0], ok[1]), "%v", ok)
	}
	for _, bad := range [][2]int{{256, 1536}, {512, 512}, {1024, 1536}, {8192, 17408}, {300, 512}, {0, 0}} {
		assert.Error(t, ecsservice.CheckSize(bad[0], bad[1]), "%v", bad)
	}
	assert.EqualError(t, ecsservice.CheckSize(512, 512),
		"Fargate has no task with cpu 512 and memory 512: with cpu 512 choose memory 1024, 2048, 3072, 4096")
}
