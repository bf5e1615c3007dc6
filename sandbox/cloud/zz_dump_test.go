package cloud

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/access"
)

func TestDump(t *testing.T) {
	s, err := OpenStore("/tmp/iam-account")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("/tmp/inventory.json", access.WriteInventory(Account, s.Inventory()), 0o600))
}
