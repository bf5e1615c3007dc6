package dns

// choose picks the record of a name that answers now.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-how-route-53-chooses-records.html
func (z *Zone) choose(records []Record) *Record {
	if records[0].Failover != "" {
		return z.failover(records)
	}
	weighted := func(r *Record) bool { return r.weight() > 0 }
	healthy := func(r *Record) bool { return z.healthy(r, 0) }
	for _, candidates := range [][]*Record{
		// Records with a weight come first, and those without one stand in for
		// them. If none is healthy, all are; if none has a weight, all are equal.
		filter(records, weighted, healthy), filter(records, healthy), filter(records, weighted), filter(records),
	} {
		if len(candidates) > 0 {
			return z.draw(candidates)
		}
	}
	return nil // never: there are records.
}

func filter(records []Record, conditions ...func(*Record) bool) []*Record {
	var found []*Record
next:
	for i := range records {
		for _, holds := range conditions {
			if !holds(&records[i]) {
				continue next
			}
		}
		found = append(found, &records[i])
	}
	return found
}

// draw picks one by the weights; if all are 0, each is as likely.
func (z *Zone) draw(candidates []*Record) *Record {
	total := 0
	for _, r := range candidates {
		total += r.weight()
	}
	if total == 0 {
		return candidates[z.opts.Rand(len(candidates))]
	}
	left := z.opts.Rand(total)
	for _, r := range candidates {
		if left -= r.weight(); left < 0 {
			return r
		}
	}
	return candidates[0] // never: the weights add up to the total.
}

// failover is the primary record unless only the secondary one is healthy.
func (z *Zone) failover(records []Record) *Record {
	var primary, secondary *Record
	for i := range records {
		if records[i].Failover == Primary {
			primary = &records[i]
		} else {
			secondary = &records[i]
		}
	}
	switch {
	case secondary == nil:
		return primary
	case primary == nil:
		return secondary
	case !z.healthy(primary, 0) && z.healthy(secondary, 0):
		return secondary
	}
	return primary
}

// healthy evaluates a record: its health check must find it healthy, and an alias
// that evaluates its target is as healthy as the load balancer, or as the best of
// the records that it leads to; any other record always is.
func (z *Zone) healthy(r *Record, depth int) bool {
	if check := z.opts.HealthCheck; check != nil && r.HealthCheckID != "" && !check(r.HealthCheckID) {
		return false
	}
	if r.Alias == nil || !r.Alias.EvaluateTargetHealth {
		return true
	}
	name := canonical(r.Alias.Name)
	records := z.records[name]
	if len(records) == 0 {
		target, ok := z.opts.Target(name)
		return ok && target.Healthy
	}
	for i := range records {
		if depth < maxDepth && z.healthy(&records[i], depth+1) {
			return true
		}
	}
	return false
}
