package postgrestest

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"

	"github.com/stretchr/testify/require"
)

// unprivileged makes a command of root's run as a user without rights, to whom
// the server's directory and the files are given: PostgreSQL refuses root.
func (s *Server) unprivileged(cmd *exec.Cmd, files ...string) {
	s.t.Helper()
	cmd.Dir = s.dir
	if os.Getuid() != 0 {
		return
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	require.NoError(s.t, err, "PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
	uid, err := strconv.Atoi(account.Uid)
	require.NoError(s.t, err)
	gid, err := strconv.Atoi(account.Gid)
	require.NoError(s.t, err)
	for _, file := range append(files, s.dir) {
		require.NoError(s.t, os.Chown(file, uid, gid))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
