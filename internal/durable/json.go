package durable

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrDecode is returned when a stored value is not the JSON of the type that
// was asked for. It does not wrap its cause, because the errors of
// encoding/json may quote the value, and a value may say who a client is.
var ErrDecode = errors.New("stored value does not decode")

// GetJSON reads the JSON value at key; ok is false when there is none.
func GetJSON[T any](m Map, key string) (v T, ok bool, err error) {
	b, err := m.Get(key)
	if err != nil || b == nil {
		return v, false, err
	}
	return decode[T](b)
}

// PutJSON stores v as JSON at key.
func PutJSON(m Map, key string, v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	return m.Put(key, b)
}

// AppendJSON appends v as JSON and returns its number.
func AppendJSON(l Log, v any) (uint64, error) {
	b, err := encode(v)
	if err != nil {
		return 0, err
	}
	return l.Append(b)
}

// LogJSON reads the JSON value at number n; ok is false when there is none.
func LogJSON[T any](l Log, n uint64) (v T, ok bool, err error) {
	b, err := l.Get(n)
	if err != nil || b == nil {
		return v, false, err
	}
	return decode[T](b)
}

// PutLogJSON replaces the value at a number that Append gave by v as JSON.
func PutLogJSON(l Log, n uint64, v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	return l.Put(n, b)
}

// DecodeJSON decodes a value that Each or Scan passed, with the promise of
// [ErrDecode].
func DecodeJSON[T any](value []byte) (T, error) {
	v, _, err := decode[T](value)
	return v, err
}

func decode[T any](b []byte) (v T, ok bool, err error) {
	if err := json.Unmarshal(b, &v); err != nil {
		var zero T
		return zero, false, fmt.Errorf("%w as %T", ErrDecode, zero)
	}
	return v, true, nil
}

func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T for the store: %w", v, err)
	}
	return b, nil
}
