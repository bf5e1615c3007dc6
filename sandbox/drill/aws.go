package drill

// Figure is how long something takes on AWS, in seconds, and how that is known.
type Figure struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	Origin  string  `json:"origin"`
	// perGB is added for each GiB of storage.
	perGB float64
	// when says which scenario has it: both, "rows" or "region".
	when string
}

// assumed is the origin of a figure that AWS has none for: a drill on AWS must
// replace it.
const assumed = "assumed: AWS gives no figure"

// rpo is the time that is lost.
var rpo = []Figure{
	{
		Name: "precision of the time to restore to", Seconds: 1, when: "rows",
		Origin: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html",
	},
	{
		Name: "upload of the transaction logs", Seconds: 5 * 60, when: "region",
		Origin: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html",
	},
	{Name: "copy of the logs to the second region", Seconds: 25 * 60, when: "region", Origin: assumed},
}

// rto is the time until requests are served again.
var rto = []Figure{
	{Name: "an operator is there", Seconds: 15 * 60, Origin: "the first level of escalation"},
	{Name: "decision, and the change of the config", Seconds: 15 * 60, Origin: assumed},
	{
		Name: "the latest logs are uploaded", Seconds: 5 * 60, when: "rows",
		Origin: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html",
	},
	{Name: "network, NAT gateways and load balancer", Seconds: 10 * 60, when: "region", Origin: assumed},
	{Name: "restore of the base backup", Seconds: 30 * 60, perGB: 12, Origin: assumed},
	{Name: "replay of the logs of up to a day, and Multi-AZ", Seconds: 60 * 60, Origin: assumed},
	{Name: "deployment of a colour", Seconds: 10 * 60, Origin: "the steady state timeout of the service"},
	{
		Name: "failover record and its time to live", Seconds: 2 * 60,
		when: "region", Origin: "60 s of an alias: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-values-alias.html",
	},
}

func extrapolate(table []Figure, opts Options, budget float64) Objective {
	o := Objective{Budget: budget, Parts: []Figure{}}
	scenario := "rows"
	if opts.Region {
		scenario = "region"
	}
	for _, f := range table {
		if f.when == "" || f.when == scenario {
			f.Seconds += f.perGB * float64(opts.StorageGB)
			o.Parts = append(o.Parts, f)
			o.Extrapolated += f.Seconds
		}
	}
	return o
}
