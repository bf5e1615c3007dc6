package alarm

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// calculate is metric math, for each period by itself. Its operators and their
// precedence are those of Go, whose parser it therefore uses.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
func calculate(text string, known map[string][]*float64, count int) ([]*float64, error) {
	tree, err := parser.ParseExpr(strings.ReplaceAll(text, "\n", " "))
	result := make([]*float64, count)
	for i := 0; i < count && err == nil; i++ {
		e := expression{known: known, period: i}
		d := e.datum(tree)
		if err = e.err; d.scalar && err == nil {
			err = fmt.Errorf("it is a number, not a time series")
		}
		if !d.missing {
			result[i] = &d.n
		}
	}
	if err != nil {
		return nil, fmt.Errorf("unsupported expression %q: %w", text, err)
	}
	return result, nil
}

// expression is calculated for a period.
type expression struct {
	known  map[string][]*float64
	period int
	err    error
}

// datum is what a part of an expression comes to: a scalar, or a datapoint of a
// time series, which may be missing and is 0 then.
type datum struct {
	n               float64
	missing, scalar bool
}

func (e *expression) datum(node ast.Expr) datum {
	switch node := node.(type) {
	case *ast.ParenExpr:
		return e.datum(node.X)
	case *ast.BasicLit:
		if n, err := strconv.ParseFloat(node.Value, 64); err == nil {
			return datum{n: n, scalar: true}
		}
	case *ast.Ident:
		if series, ok := e.known[node.Name]; ok && series[e.period] != nil {
			return datum{n: *series[e.period]}
		} else if ok {
			return datum{missing: true}
		}
	case *ast.UnaryExpr:
		if node.Op == token.SUB {
			return apply(token.SUB, datum{scalar: true}, e.datum(node.X))
		}
	case *ast.BinaryExpr:
		if operations[node.Op] != nil {
			return apply(node.Op, e.datum(node.X), e.datum(node.Y))
		}
	case *ast.CallExpr:
		var args []datum
		for _, arg := range node.Args {
			args = append(args, e.datum(arg))
		}
		if name, ok := node.Fun.(*ast.Ident); ok && name.Name == "FILL" && len(args) == 2 {
			return choose(datum{n: truth(!args[0].missing)}, args[0], args[1])
		} else if ok && name.Name == "IF" && len(args) == 3 {
			return choose(args[0], args[1], args[2])
		}
	}
	if e.err == nil {
		e.err = fmt.Errorf("column %d must be one of + - * /, a comparison, IF(a, b, c), FILL(a, b), a number and %s", node.Pos(), names(e.known))
	}
	return datum{}
}

var operations = map[token.Token]func(a, b float64) float64{
	token.ADD: func(a, b float64) float64 { return a + b },
	token.SUB: func(a, b float64) float64 { return a - b },
	token.MUL: func(a, b float64) float64 { return a * b },
	token.QUO: func(a, b float64) float64 { return a / b },
	token.EQL: func(a, b float64) float64 { return truth(a == b) },
	token.NEQ: func(a, b float64) float64 { return truth(a != b) },
	token.LSS: func(a, b float64) float64 { return truth(a < b) },
	token.LEQ: func(a, b float64) float64 { return truth(a <= b) },
	token.GTR: func(a, b float64) float64 { return truth(a > b) },
	token.GEQ: func(a, b float64) float64 { return truth(a >= b) },
}

// apply takes a missing datapoint for 0 if the other side has one, and drops what
// is divided by 0.
func apply(operator token.Token, a, b datum) datum {
	scalar := a.scalar && b.scalar
	if operator == token.QUO && b.n == 0 || !scalar && (a.missing || a.scalar) && (b.missing || b.scalar) {
		return datum{missing: true}
	}
	return datum{n: operations[operator](a.n, b.n), scalar: scalar}
}

// choose drops the datapoint when there is none for the condition, and takes one
// that is missing for 0 when the condition holds.
func choose(condition, then, otherwise datum) datum {
	if condition.missing {
		return condition
	} else if condition.n == 0 {
		return datum{otherwise.n, otherwise.missing, otherwise.scalar && condition.scalar}
	}
	return datum{then.n, then.missing && condition.scalar, then.scalar && condition.scalar}
}
