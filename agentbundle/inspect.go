package agentbundle

// Inspect is [Check] and [Load] in one reading. The bundle is nil when the
// report has errors.
func Inspect(cfg Config) (*Bundle, *Report, error) {
	l, err := read(cfg)
	if err != nil {
		return nil, nil, err
	}
	if l.report.Errors() > 0 {
		return nil, &l.report, nil
	}
	return l.bundle(), &l.report, nil
}
