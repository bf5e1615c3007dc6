package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// The files that [Write] makes.
const (
	JSONFile = "report.json"
	HTMLFile = "report.html"
)

// Outcomes of a [Scenario].
const (
	Passed    = "passed"
	Failed    = "failed"
	NotJudged = "not judged" // the machine was too slow.
	Skipped   = "skipped"
)

// Report is a rehearsal. Seconds are of real time, and since its start where a
// point in time is meant.
type Report struct {
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Machine Machine   `json:"machine"`
	// TimeScale is how many of AWS's seconds passed in a real one.
	TimeScale float64 `json:"timeScale"`
	// RateWanted, RateAsked and RateReached are of the load, in requests per second:
	// what a machine that bears it gets, what this one was sent, and what reached it.
	RateWanted  float64 `json:"rateWanted"`
	RateAsked   float64 `json:"rateAsked"`
	RateReached float64 `json:"rateReached"`
	// RateBorne is what this machine bore before, when it did nothing else, in requests
	// per second.
	RateBorne float64 `json:"rateBorne"`
	// LateSeconds is from where on an answer to a control request, which asks nothing
	// of what is rehearsed, is late: then the machine is.
	LateSeconds float64    `json:"lateSeconds"`
	Scenarios   []Scenario `json:"scenarios"`
	Samples     []Sample   `json:"samples"`
	Events      []Event    `json:"events"`
	Switches    []Switch   `json:"switches"`
}

// Machine is what it ran on.
type Machine struct {
	Cores int    `json:"cores"`
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	Go    string `json:"go"`
}

// ThisMachine is the one that this program runs on.
func ThisMachine() Machine {
	return Machine{runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()}
}

// Scenario is something that had to be survived.
type Scenario struct {
	Name string `json:"name"`
	// What happens, in one sentence.
	What  string  `json:"what"`
	Start float64 `json:"start"` // seconds
	End   float64 `json:"end"`   // seconds
	// SecondsToDetect is from when something went wrong until that was known;
	// SecondsToSafe until no client was hurt by it any more. Nil: not so here.
	SecondsToDetect *float64 `json:"secondsToDetect"`
	SecondsToSafe   *float64 `json:"secondsToSafe"`
	// Sent, Failed and Retried count requests that were due in the scenario.
	Sent    int `json:"sent"`
	Failed  int `json:"failed"`
	Retried int `json:"retried"`
	// Lost is how many of the failed got no answer of a server, not even a bad one.
	Lost int `json:"lost"`
	// Late is the share of the control requests in the scenario that were late, from 0
	// to 1.
	Late float64 `json:"late"`
	// AllowedFailures is how many of them may fail.
	AllowedFailures int `json:"allowedFailures"`
	// Outcome is [Passed], [Failed], [NotJudged] or [Skipped].
	Outcome string `json:"outcome"`
	// Notes are what else is to be known, such as reasons.
	Notes []string `json:"notes"`
}

// Sample is how things were at a time.
type Sample struct {
	At     float64                `json:"at"` // seconds
	Colors map[string]ColorSample `json:"colors"`
	Client ClientSample           `json:"client"`
	// ControlP95Seconds is how late the answers to control requests were.
	ControlP95Seconds float64 `json:"controlP95Seconds"`
}

// ColorSample is a colour, as its load balancer and the records have it.
type ColorSample struct {
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	ErrorsPerSecond   float64 `json:"errorsPerSecond"`
	P95Seconds        float64 `json:"p95Seconds"` // 0: no requests.
	Weight            float64 `json:"weight"`
	HealthyTargets    int     `json:"healthyTargets"`
}

// ClientSample is what the clients saw.
type ClientSample struct {
	SentPerSecond    float64 `json:"sentPerSecond"`
	FailedPerSecond  float64 `json:"failedPerSecond"`
	RetriedPerSecond float64 `json:"retriedPerSecond"`
	P95Seconds       float64 `json:"p95Seconds"` // 0: no good answers.
}

// Event is something that happened.
type Event struct {
	At   float64 `json:"at"` // seconds
	Text string  `json:"text"`
}

// Switch is how long moving the traffic took: Seconds is all of it, TTLSeconds
// and BakeSeconds are waits, and OwnSeconds is the rest.
type Switch struct {
	From        string  `json:"from"`
	To          string  `json:"to"`
	Seconds     float64 `json:"seconds"`
	OwnSeconds  float64 `json:"ownSeconds"`
	TTLSeconds  float64 `json:"ttlSeconds"`
	BakeSeconds float64 `json:"bakeSeconds"`
}

// Sentence says how long the switch would take without a time scale: the waits
// take as many times longer, our own work does not.
func (s Switch) Sentence(timeScale float64) string {
	waits := s.TTLSeconds + s.BakeSeconds
	return fmt.Sprintf("At time scale 1 the switch from %s to %s would take %s: %.1f s of work, and waits of %.1f s here, times %g.",
		s.From, s.To, minutes(s.OwnSeconds+waits*timeScale), s.OwnSeconds, waits, timeScale)
}

func minutes(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

// Write writes [JSONFile] and [HTMLFile] into a folder, each at once or not at all.
func Write(dir string, r Report) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return fmt.Errorf("encoding the report: %w", err)
	}
	var page bytes.Buffer
	if err := html.Execute(&page, view(r)); err != nil {
		return fmt.Errorf("rendering the report: %w", err)
	}
	if err := writeFile(filepath.Join(dir, JSONFile), append(text, '\n')); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, HTMLFile), page.Bytes())
}

func writeFile(path string, data []byte) error {
	temporary := path + ".tmp"
	if err := os.WriteFile(temporary, data, 0o644); err != nil { //nolint:gosec // it holds no secrets.
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
