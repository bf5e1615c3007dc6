package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/drill"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

// drillReport is the file of the report, in the drill's folder.
const drillReport = "drill.json"

func drillCommand(opts *engine.Options) *cobra.Command {
	return &cobra.Command{
		Use: "drill", Short: "Lose rows of the database, then its region, and restore them, in a sandbox of its own", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.Dir == "" {
				opts.Dir = filepath.Join(opts.Folder(), "drill")
			}
			opts.Run = true
			// The report is there when an earlier drill is over.
			if _, err := os.Stat(filepath.Join(opts.Dir, drillReport)); err == nil {
				if err := os.RemoveAll(opts.Dir); err != nil {
					return err
				}
			}
			if _, err := os.Stat(filepath.Join(opts.Dir, "stacks")); err == nil {
				return fmt.Errorf("there is a sandbox in %s: remove it (clean --dir), or use another --dir", opts.Dir)
			}
			return with(cmd.Context(), opts, func(s *engine.Sandbox) error {
				stacks := &drillStacks{Sandbox: s}
				if err := stacks.Up(cmd.Context()); err != nil {
					return err
				}
				file, err := os.Create(filepath.Join(s.Dir(), drillReport))
				if err != nil {
					return err
				}
				defer file.Close()
				for _, region := range []bool{false, true} {
					report, err := drill.Run(cmd.Context(), drill.Options{
						Platform: stacks, Region: region, TimeScale: float64(s.TimeScale()), Out: opts.Out,
					})
					if err := errors.Join(err, printJSON(file, report), report.Write(cmd.OutOrStdout())); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}
