package agentbundle

import "slices"

// Inspect is [Check] and [Load] in one reading, with a further check of every
// file: scan returns what is wrong with a content, without the path. The
// bundle is nil when the report has errors.
func Inspect(cfg Config, scan func(data []byte) []Problem) (*Bundle, *Report, error) {
	l, err := read(cfg)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range l.files {
		for _, p := range scan(f.data) {
			l.add(f, p)
		}
	}
	slices.SortFunc(l.report.Problems, Problem.compare)
	if l.report.Errors() > 0 {
		return nil, &l.report, nil
	}
	return l.bundle(), &l.report, nil
}
