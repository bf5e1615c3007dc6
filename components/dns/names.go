package dns

// Live is the name whose weighted records carry the traffic.
func Live(domain string) string { return "live." + domain }

// Color is the name of one colour.
func Color(color, domain string) string { return color + "." + domain }

// CDN is the name of the CDN.
func CDN(domain string) string { return "cdn." + domain }
