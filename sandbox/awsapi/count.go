package awsapi

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Count is how often a role called a service, and how often that failed.
type Count struct {
	Role    string `json:"role"`
	Service string `json:"service"`
	Calls   int    `json:"calls"`
	Failed  int    `json:"failed"`
}

// Counts are the calls until now, by role and service.
func (s *Server) Counts() (all []Count) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.counts {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Count) int { return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Service, b.Service)) })
	return all
}

func (s *Server) count(principal, service string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, name, _ := strings.Cut(principal, "/") // role/NAME, or assumed-role/NAME/SESSION
	name, _, _ = strings.Cut(name, "/")
	of := [2]string{name, service}
	if s.counts[of] == nil {
		s.counts[of] = &Count{Role: of[0], Service: service}
	}
	s.counts[of].Calls++
	if err != nil {
		s.counts[of].Failed++
	}
}

// WriteCounts writes them as a table.
func WriteCounts(out io.Writer, all []Count) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "role\tservice\tcalls\tfailed")
	for _, c := range all {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\n", c.Role, c.Service, c.Calls, c.Failed)
	}
	return w.Flush()
}
