package column

import "runtime"

// damage is what reading damaged bytes panics with where no bounds check of
// Go's own finds the fault. It is a runtime.Error as those are.
type damage string

func (d damage) Error() string { return "column: damaged section: " + string(d) }
func (damage) RuntimeError()   {}

// damageOf returns what a recover has found, if it tells of damage. Any other
// panic goes on.
func damageOf(recovered any) error {
	if recovered == nil {
		return nil
	}
	fault, ok := recovered.(runtime.Error)
	if !ok {
		panic(recovered)
	}
	return fault
}
