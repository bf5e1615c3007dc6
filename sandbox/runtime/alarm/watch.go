package alarm

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

// maxNotifications is how many are kept.
const maxNotifications = 1000

// Actions are what an alarm or a composite alarm does when its state changes.
type Actions struct {
	ActionsEnabled                                   *bool // default: true.
	AlarmActions, OKActions, InsufficientDataActions []string
	ActionsSuppressor                                *Suppressor
}

func (a *Actions) on(s State) []string {
	if a.ActionsEnabled != nil && !*a.ActionsEnabled {
		return nil
	}
	return map[State][]string{StateAlarm: a.AlarmActions, StateOK: a.OKActions, StateInsufficientData: a.InsufficientDataActions}[s]
}

// Suppressor is an alarm during which a composite alarm does nothing. The periods
// are seconds.
type Suppressor struct {
	Alarm                       string // name or ARN.
	WaitPeriod, ExtensionPeriod int
}

// Judged is an alarm as it was evaluated.
type Judged struct {
	Name    string
	State   State
	Reason  string
	Actions Actions
}

// Status is an alarm as it is now.
type Status struct {
	Name   string    `json:"name"`
	State  State     `json:"state"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
}

// Notification is an action that was taken. The action is an ARN, mostly a topic's.
type Notification struct {
	Time   time.Time `json:"time"`
	Alarm  string    `json:"alarm"`
	State  State     `json:"state"`
	Action string    `json:"action"`
	// Level says whom the topic reaches.
	Level string `json:"level,omitempty"`
}

// Watch knows since when alarms have their states, and takes their actions. It is
// safe for concurrent use.
type Watch struct {
	scale timescale.Scale

	mu     sync.Mutex
	alarms map[string]*watched
	taken  []Notification // the newest last.
}

type watched struct {
	Status
	pending bool      // its actions.
	rang    time.Time // when it last was in ALARM.
}

// NewWatch returns a watch over no alarms yet.
func NewWatch(scale timescale.Scale) *Watch {
	return &Watch{scale: scale, alarms: map[string]*watched{}}
}

// Update takes the alarms that there are and returns the actions that are due. One
// that is new and well has always been.
func (w *Watch) Update(now time.Time, alarms []Judged) (due []Notification) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.alarms
	w.alarms = make(map[string]*watched, len(alarms))
	for _, j := range alarms {
		at := before[j.Name]
		if at == nil {
			at = &watched{Status: Status{j.Name, j.State, now, j.Reason}, pending: j.State == StateAlarm}
		} else if at.State != j.State {
			at.Status, at.pending = Status{j.Name, j.State, now, j.Reason}, true
		}
		if j.State == StateAlarm {
			at.rang = now
		}
		w.alarms[j.Name] = at
	}
	for _, j := range alarms {
		at := w.alarms[j.Name]
		if !at.pending || w.suppressed(now, at, j.Actions.ActionsSuppressor) {
			continue
		}
		at.pending = false
		for _, action := range j.Actions.on(j.State) {
			due = append(due, Notification{Time: now, Alarm: j.Name, State: j.State, Action: action})
		}
	}
	return due
}

// suppressed reports whether actions have to wait: for the suppressor, which has the
// wait period to begin, and after it for the extension period.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-suppression.html
func (w *Watch) suppressed(now time.Time, at *watched, by *Suppressor) bool {
	if by == nil || by.Alarm == "" {
		return false
	}
	name := by.Alarm
	if _, after, isARN := strings.Cut(name, ":alarm:"); isARN {
		name = after
	}
	if now.Before(at.Since.Add(w.scale.Seconds(by.WaitPeriod))) {
		return true
	}
	suppressor := w.alarms[name]
	return suppressor != nil && !suppressor.rang.IsZero() &&
		(suppressor.State == StateAlarm || now.Before(suppressor.rang.Add(w.scale.Seconds(by.ExtensionPeriod))))
}

// Note keeps actions that were taken.
func (w *Watch) Note(taken []Notification) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken = append(w.taken, taken...)
	w.taken = w.taken[max(0, len(w.taken)-maxNotifications):]
}

// State is the last known one of an alarm, "" of one that is not known.
func (w *Watch) State(name string) State {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at := w.alarms[name]; at != nil {
		return at.State
	}
	return ""
}

// Status returns all alarms by name, and the actions that were taken, the oldest
// first.
func (w *Watch) Status() (alarms []Status, taken []Notification) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(w.alarms)) {
		alarms = append(alarms, w.alarms[name].Status)
	}
	return alarms, slices.Clone(w.taken)
}
