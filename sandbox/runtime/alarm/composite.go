package alarm

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
)

// Composite is an aws:cloudwatch/compositeAlarm.
type Composite struct{ AlarmName, AlarmRule string }

// child is a function of a rule, on the name or ARN of an alarm.
var child = regexp.MustCompile(`\b(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*"?([^")]+?)"?\s*\)`)

// goOperators are what Go has for those of a rule.
var goOperators = strings.NewReplacer(" AND ", " && ", " OR ", " || ", "NOT ", "!", "NOT(", "!(", "TRUE", "true", "FALSE", "false")

// EvaluateComposite returns [StateAlarm] when the rule holds and [StateOK] when it
// does not, by the states of the alarms that it names.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
func EvaluateComposite(c Composite, state func(name string) State) (State, error) {
	rule := child.ReplaceAllStringFunc(c.AlarmRule, func(call string) string {
		parts := child.FindStringSubmatch(call)
		name := parts[2]
		if _, after, isARN := strings.Cut(name, ":alarm:"); isARN {
			name = after
		}
		return fmt.Sprint(string(state(name)) == parts[1])
	})
	parsed, err := parser.ParseExpr(goOperators.Replace(strings.Join(strings.Fields(rule), " ")))
	if err != nil {
		return "", fmt.Errorf("composite alarm %q: its rule %q: %w", c.AlarmName, c.AlarmRule, err)
	}
	holds, err := decideRule(parsed)
	if err != nil {
		return "", fmt.Errorf("composite alarm %q: its rule %q: %w", c.AlarmName, c.AlarmRule, err)
	}
	if holds {
		return StateAlarm, nil
	}
	return StateOK, nil
}

func decideRule(e ast.Expr) (bool, error) {
	switch e := e.(type) {
	case *ast.Ident:
		if e.Name == "true" || e.Name == "false" {
			return e.Name == "true", nil
		}
	case *ast.ParenExpr:
		return decideRule(e.X)
	case *ast.UnaryExpr:
		holds, err := decideRule(e.X)
		return !holds, err
	case *ast.BinaryExpr:
		left, err := decideRule(e.X)
		if err != nil {
			return false, err
		}
		right, err := decideRule(e.Y)
		switch e.Op {
		case token.LAND:
			return left && right, err
		case token.LOR:
			return left || right, err
		}
	}
	return false, fmt.Errorf("it must be of ALARM, OK, INSUFFICIENT_DATA, TRUE, FALSE, AND, OR, NOT and parentheses")
}
