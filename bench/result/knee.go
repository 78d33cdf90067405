package result

import "fmt"

// Knee is the step at the knee: the good one of the highest rate below every step
// that was not good. nil if there is none, if no higher rate failed, and if what
// failed there was the generator.
func (r *Result) Knee() *Step {
	held, failed := r.steps()
	if r.Bottleneck != "" || failed == nil {
		return nil
	}
	return held
}

// KneeSaid says in a sentence what a ramp has found; "" of a run that is none.
func (r *Result) KneeSaid() string {
	held, failed := r.steps()
	switch {
	case held == nil && failed == nil:
		return ""
	case r.Bottleneck != "" && held == nil:
		return fmt.Sprintf("no knee was found, as the generator was the bottleneck at %s posts per second already", Number(failed.Rate))
	case r.Bottleneck != "":
		return fmt.Sprintf("no knee was found, as the generator was the bottleneck at %s posts per second; %s held", Number(failed.Rate), Number(held.Rate))
	case held == nil:
		return fmt.Sprintf("no step held: the knee is below %s posts per second", Number(failed.Rate))
	case failed == nil:
		return fmt.Sprintf("the knee was not reached: it is above %s posts per second", Number(held.Rate))
	}
	return fmt.Sprintf("the knee is at %s posts per second: %s did not hold", Number(held.Rate), Number(failed.Rate))
}

// steps are the lowest rate that failed, and the highest below it that held; nil:
// there is none.
func (r *Result) steps() (held, failed *Step) {
	for i := range r.Steps {
		if s := &r.Steps[i]; !s.Good && (failed == nil || s.Rate < failed.Rate) {
			failed = s
		}
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.Good && (failed == nil || s.Rate < failed.Rate) && (held == nil || s.Rate > held.Rate) {
			held = s
		}
	}
	return held, failed
}
