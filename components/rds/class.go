package rds

import (
	"fmt"
	"strings"
)

// sizes are the memory of the sizes in GiB, for a family with 8 GiB in "large".
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html
var sizes = map[string]int{
	"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32,
	"4xlarge": 64, "8xlarge": 128, "12xlarge": 192, "16xlarge": 256,
}

// families are the classes: how often 8 GiB "large" has, and which sizes exist,
// by the memory above. A new family is a row.
var families = map[string]struct{ factor, least, most int }{
	"t3": {1, 1, 32}, "t4g": {1, 1, 32},
	"m6g": {1, 8, 256}, "m7g": {1, 8, 256},
	"r6g": {2, 8, 256}, "r7g": {2, 8, 256},
}

// The default of PostgreSQL's max_connections in RDS.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections
const (
	bytesPerConnection = 9531392
	mostConnections    = 5000
)

// Figures returns the memory of an instance class and the most connections that
// RDS lets PostgreSQL have there by default, about: it divides what its own processes
// leave of the memory, for which a tenth is taken off here (a db.t4g.medium has about
// 410). ok is false for a class without a row.
func Figures(class string) (memoryMiB, maxConnections int, ok bool) {
	name, size, _ := strings.Cut(strings.TrimPrefix(class, "db."), ".")
	family, known := families[name]
	gib := sizes[size]
	if !known || !strings.HasPrefix(class, "db.") || gib < family.least || gib > family.most {
		return 0, 0, false
	}
	memoryMiB = 1024 * gib * family.factor
	return memoryMiB, min(memoryMiB<<20*9/10/bytesPerConnection, mostConnections), true
}

// Burstable reports whether a class earns CPU credits, and spends them.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Types.html
func Burstable(class string) bool { return strings.HasPrefix(class, "db.t") }

// CheckClass returns an error unless [Figures] knows the instance class: the
// alarms are shares of its memory and connections.
func CheckClass(name string) error {
	if !class.MatchString(name) {
		return fmt.Errorf("instance class must be db.<family>.<size>, got %q: give one such as %q", name, "db.t4g.medium")
	}
	if _, _, ok := Figures(name); !ok {
		return fmt.Errorf("instance class must be one whose memory is known, got %q: give one such as %q or add a row to components/rds/class.go",
			name, "db.t4g.medium")
	}
	return nil
}
