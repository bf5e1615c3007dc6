package cloud

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// Account and Partition are those of every resource of the sandbox.
const (
	Account   = "000000000000"
	Partition = "aws"
)

var placeholder = regexp.MustCompile(`\{([A-Za-z0-9_.|]+)\}`)

// randoms make the parts of identifiers that AWS makes up.
var randoms = map[string]func() string{
	"hex32":    func() string { return randomHex(32) },
	"hex17":    func() string { return "0" + randomHex(16) },
	"hex16":    func() string { return randomHex(16) },
	"hex8":     func() string { return randomHex(8) },
	"octet":    func() string { return "1" + randomOf("0123456789", 2) },
	"digits":   func() string { return "1" + randomOf("0123456789", 9) },
	"upper13":  func() string { return randomOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 13) },
	"upper20":  func() string { return randomOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 20) },
	"letters6": func() string { return randomOf("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 6) },
	"lower14":  func() string { return randomOf("abcdefghijklmnopqrstuvwxyz0123456789", 14) },
	"uuid": func() string {
		h := randomHex(32)
		return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
	},
}

// expand fills in a template such as "arn:aws:ec2:{region}:{account}:vpc/{id}".
// A placeholder is region, account, a kind of random text, or a property; {a|b}
// is the first of two properties that is set. It reports false when one cannot
// be filled in.
func expand(template, region string, values props) (string, bool) {
	complete := true
	result := placeholder.ReplaceAllStringFunc(template, func(match string) string {
		for name := range strings.SplitSeq(match[1:len(match)-1], "|") {
			switch {
			case name == "region":
				return region
			case name == "account":
				return Account
			case randoms[name] != nil:
				return randoms[name]()
			}
			if s := values.str(name); s != "" {
				return s
			}
		}
		complete = false
		return ""
	})
	return result, complete
}

// fill sets the outputs that a rule describes and that have no value yet.
// Templates may refer to each other, so it goes on until nothing changes.
func fill(outputs map[string]any, region string, into props) {
	for changed := true; changed; {
		changed = false
		for _, name := range slices.Sorted(maps.Keys(outputs)) {
			if into[name] != nil {
				continue
			}
			value, ok := outputs[name], true
			if template, isText := value.(string); isText {
				value, ok = expand(template, region, into)
			}
			if ok {
				into[name], changed = value, true
			}
		}
	}
}

func randomHex(n int) string {
	raw := make([]byte, (n+1)/2)
	if _, err := rand.Read(raw); err != nil {
		panic(fmt.Sprintf("cloud: no randomness: %v", err))
	}
	return hex.EncodeToString(raw)[:n]
}

func randomOf(alphabet string, n int) string {
	var b strings.Builder
	for range n {
		i, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic(fmt.Sprintf("cloud: no randomness: %v", err))
		}
		b.WriteByte(alphabet[i.Int64()])
	}
	return b.String()
}
