package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"strings"
)

//go:embed report.html
var page string

var html = template.Must(template.New("report").Funcs(template.FuncMap{
	"count": count, "seconds": seconds, "sum": func(a, b int) int { return a + b }, "percent": percent,
}).Parse(page))

// The size of a plot and of its margins, in pixels of the SVG.
const (
	width, height          = 960, 170
	left, right            = 52, 12
	top, bottom            = 20, 22
	characterWidth float64 = 6.5
)

// least is where logarithmic axes begin: a millisecond.
const least = 0.001

// data is what the template shows.
type data struct {
	Report
	Summary   string
	Sentences []string
	Plots     []plot
}

// Minute is how long one of AWS's takes, in seconds.
func (d data) Minute() float64 { return 60 / max(d.TimeScale, 1) }

type plot struct {
	ID, Title, Description   string
	Width, Height            int
	Left, Right, Top, Bottom int // the edges of the plotted area.
	X, Y                     []tick
	Bands                    []band
	Lines                    []line
}

// Inner is the height of the plotted area.
func (p plot) Inner() int { return p.Bottom - p.Top }

type tick struct{ At, Label string }

type band struct{ X, Width, Label, Name string }

type line struct{ Class, Points string }

// series is a line that is not drawn yet.
type series struct {
	name  string
	value func(Sample) float64
}

func of(color string, value func(ColorSample) float64) series {
	return series{color, func(s Sample) float64 { return value(s.Colors[color]) }}
}

// pair are the series of both colours, and more.
func pair(value func(ColorSample) float64, more ...series) []series {
	return append([]series{of("blue", value), of("green", value)}, more...)
}

func view(r Report) data {
	d := data{Report: r, Summary: strings.TrimPrefix(Summary(r, ""), "rehearsal: ")}
	for _, s := range r.Switches {
		d.Sentences = append(d.Sentences, s.Sentence(r.TimeScale))
	}
	for i, p := range []struct {
		title  string
		steps  bool // values hold until the next one.
		log    bool
		series []series
	}{
		{"Weights of the records", true, false, pair(func(c ColorSample) float64 { return c.Weight })},
		{"Requests per second", false, false, pair(func(c ColorSample) float64 { return c.RequestsPerSecond },
			series{"client", func(s Sample) float64 { return s.Client.SentPerSecond }})},
		{"Errors per second", false, false, pair(func(c ColorSample) float64 { return c.ErrorsPerSecond },
			series{"client", func(s Sample) float64 { return s.Client.FailedPerSecond }})},
		{"95th percentile of the response time", false, true, pair(func(c ColorSample) float64 { return c.P95Seconds },
			series{"client", func(s Sample) float64 { return s.Client.P95Seconds }})},
		{"95th percentile of the control answers", false, true, []series{{"client", func(s Sample) float64 { return s.ControlP95Seconds }}}},
		{"Healthy targets", true, false, pair(func(c ColorSample) float64 { return float64(c.HealthyTargets) })},
	} {
		d.Plots = append(d.Plots, draw(r, fmt.Sprintf("plot%d", i+1), p.title, p.steps, p.log, p.series))
	}
	return d
}

func draw(r Report, id, title string, steps, log bool, all []series) plot {
	p := plot{
		ID: id, Title: title, Width: width, Height: height,
		Left: left, Right: width - right, Top: top, Bottom: height - bottom,
	}
	end, highest := r.Seconds, 0.0
	var ranges []string
	for _, s := range all {
		low, high := math.Inf(1), 0.0
		for _, sample := range r.Samples {
			low, high = min(low, s.value(sample)), max(high, s.value(sample))
			end = max(end, sample.At)
		}
		highest = max(highest, high)
		ranges = append(ranges, fmt.Sprintf("%s from %.4g to %.4g", s.name, min(low, high), high))
	}
	p.Description = fmt.Sprintf("Over %.0f seconds: %s.", end, strings.Join(ranges, ", "))
	if log {
		p.Description += " In seconds, on a logarithmic axis."
	}
	x := func(at float64) float64 { return left + at/max(end, 1)*(width-left-right) }
	for step, at := nice(end/8), 0.0; at <= end; at += step {
		p.X = append(p.X, tick{pixel(x(at)), fmt.Sprintf("%.4g s", at)})
	}
	y := p.axis(highest, log)
	for i, s := range r.Scenarios {
		b := band{pixel(x(s.Start)), pixel(x(s.End) - x(s.Start)), fmt.Sprint(i + 1), s.Name}
		if long := b.Label + " " + s.Name; float64(len(long))*characterWidth < x(s.End)-x(s.Start) {
			b.Label = long
		}
		p.Bands = append(p.Bands, b)
	}
	for _, s := range all {
		var points []string
		for i, sample := range r.Samples {
			if steps && i > 0 {
				points = append(points, pixel(x(sample.At))+","+pixel(y(s.value(r.Samples[i-1]))))
			}
			points = append(points, pixel(x(sample.At))+","+pixel(y(s.value(sample))))
		}
		p.Lines = append(p.Lines, line{s.name, strings.Join(points, " ")})
	}
	return p
}

// axis adds the ticks of the y axis and returns where a value is on it.
func (p *plot) axis(highest float64, log bool) func(float64) float64 {
	scale, values := func(v float64) float64 { return v }, []float64(nil)
	if log {
		scale = func(v float64) float64 { return math.Log10(max(v, least) / least) }
		for v := least; len(values) < 2 || v < highest*10; v *= 10 {
			values = append(values, v)
		}
	} else {
		step := nice(highest / 3)
		for v := 0.0; len(values) < 2 || v < highest+step; v += step {
			values = append(values, v)
		}
	}
	limit := scale(values[len(values)-1])
	y := func(v float64) float64 { return float64(p.Bottom) - scale(v)/limit*float64(p.Bottom-p.Top) }
	for _, v := range values {
		label := fmt.Sprintf("%.4g", v)
		if log {
			label += " s"
		}
		p.Y = append(p.Y, tick{pixel(y(v)), label})
	}
	return y
}

// nice is the next 1, 2 or 5 times a power of ten.
func nice(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= v {
			return factor * power
		}
	}
	return 10 * power
}

func pixel(v float64) string { return fmt.Sprintf("%.1f", v) }
