package talk

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// randomMessage fills every field that the variant declares, often with a value at
// the edge of its type.
func randomMessage(r *rand.Rand, tag Tag) Message {
	m := reflect.New(reflect.TypeOf(zeroOf(tag))).Elem()
	m.Set(reflect.ValueOf(zeroOf(tag)))
	fillRandomly(r, variantNames[tag], m)
	made := m.Interface().(Message)
	if join, ok := made.(JoinRoom); ok && !join.Resume {
		join.AfterID, join.AfterTime = UUID{}, 0 // say nothing without after_seq
		return join
	}
	return made
}

func fillRandomly(r *rand.Rand, variant string, object reflect.Value) {
	for i := range object.NumField() {
		_, option, ok := wireTag(variant, object.Type().Field(i))
		if !ok || option == "optional" && r.IntN(3) == 0 {
			continue
		}
		if present := object.Type().Field(i).Tag.Get("present"); present != "" {
			object.FieldByName(present).SetBool(true)
		}
		setRandomly(r, object.Field(i))
	}
}

func setRandomly(r *rand.Rand, v reflect.Value) {
	switch v.Interface().(type) {
	case UUID, Secret:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(r.IntN(256)))
		}
		return
	case int: // travels as u32
		v.SetInt(pick(r, 0, 1, math.MaxUint32, int64(r.Uint32())))
		return
	case Limits:
		fillRandomly(r, "limits", v)
		return
	case []Member:
		for range r.IntN(4) {
			member := reflect.New(v.Type().Elem()).Elem()
			fillRandomly(r, "member", member)
			v.Set(reflect.Append(v, member))
		}
		return
	case []Message:
		for range r.IntN(4) {
			event := pick(r, TagUserJoined, TagUserLeft, TagUsernameChanged, TagPostMessage)
			v.Set(reflect.Append(v, reflect.ValueOf(randomMessage(r, event))))
		}
		return
	}
	switch v.Kind() {
	case reflect.Int32, reflect.Int64:
		bits := v.Type().Bits()
		v.SetInt(pick(r, 0, 1, -1, math.MinInt64, math.MaxInt64, int64(r.Uint64())) >> (64 - bits))
	case reflect.Uint32, reflect.Uint64:
		bits := v.Type().Bits()
		v.SetUint(pick(r, 0, 1, math.MaxUint64, r.Uint64()) >> (64 - bits))
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.String:
		v.SetString(pick(r, "", "ada", controls(), `"\/<>&`, "ß漢👩\u200d❤\u2028\ufeff\U0010ffff", strings.Repeat("é", r.IntN(300))))
	default:
		panic("no random " + v.Type().String())
	}
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// bare is what the original's vocabulary says of a message.
func bare(m Message) Message {
	object := reflect.New(reflect.TypeOf(m)).Elem()
	object.Set(reflect.ValueOf(m))
	for i := range object.NumField() {
		if _, option, ok := wireTag(variantNames[m.Tag()], object.Type().Field(i)); ok && option != "" {
			object.Field(i).SetZero()
			if present := object.Type().Field(i).Tag.Get("present"); present != "" {
				object.FieldByName(present).SetBool(false)
			}
		}
	}
	m = object.Interface().(Message)
	if history, ok := m.(History); ok {
		text := []Message(nil)
		for _, event := range history.Text {
			text = append(text, bare(event))
		}
		m = History{Text: text}
	}
	return m
}

// changesMeaning tells whether the original's vocabulary cannot say it: see Append.
func changesMeaning(m Message) bool {
	switch m := m.(type) {
	case Entry:
		return m.Pending
	case Fetch:
		return m.BeforeSeq != 0
	case JoinRoom:
		return m.Resume
	case History:
		return slices.ContainsFunc(m.Text, changesMeaning)
	}
	return m.Tag() > LastOriginalTag
}

// TestRandomMessages sends messages that are made from the declarations through all
// forms: the extended ones lose nothing, the original's lose what they do not have.
func TestRandomMessages(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, 0))
	for n := range 5_000 {
		tag := Tag(n % len(variantNames))
		m := randomMessage(r, tag)
		for form := range Form(Forms) {
			data, err := Append(nil, form, m)
			if !form.IsExtended() && changesMeaning(m) {
				if !errors.Is(err, ErrForm) {
					t.Fatalf("form %d: %v, of %#v", form, err, m)
				}
				continue
			}
			if err != nil {
				t.Fatalf("form %d: append %#v: %v", form, m, err)
			}
			want := m
			if !form.IsExtended() {
				want = bare(m)
			}
			if got, err := Decode(form, data); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("form %d: %v\n got %#v\nwant %#v", form, err, got, want)
			}
		}
	}
}
