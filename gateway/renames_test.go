package gateway

import (
	"testing"

	"tuitalk/talk"
)

// TestRenamesKeepTheNewest: a rename that is told late, or once more, does not undo a
// newer one.
func TestRenamesKeepTheNewest(t *testing.T) {
	t.Parallel()
	var r renames
	user := talk.UUID{1}
	for i, step := range []struct {
		renamed
		newest bool
		name   string
	}{
		{renamed{"first", 1, 100}, true, "first"},
		{renamed{"newer", 2, 200}, true, "newer"},
		{renamed{"first", 1, 100}, false, "newer"},
		{renamed{"same second", 3, 200}, true, "same second"},
	} {
		if newest := r.add(user, step.renamed); newest != step.newest || r.all()[user].name != step.name {
			t.Errorf("step %d: newest %v, name %q", i, newest, r.all()[user].name)
		}
	}
}
