package durable_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/internal/durable/durabletest"
)

type visit struct {
	Day  time.Time `json:"day"`
	Note string    `json:"note"`
}

func TestJSONRoundTrip(t *testing.T) {
	store := durabletest.New()
	want := visit{Day: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Note: "first"}
	err := store.Update(t.Context(), func(tx durable.Tx) error {
		if _, ok, err := durable.GetJSON[visit](tx.Map("m"), "a"); ok || err != nil {
			t.Errorf("absent key: got %v, %v, want false, nil", ok, err)
		}
		if _, ok, err := durable.LogJSON[visit](tx.Log("l"), 1); ok || err != nil {
			t.Errorf("absent number: got %v, %v, want false, nil", ok, err)
		}
		n, err := durable.AppendJSON(tx.Log("l"), visit{})
		return errors.Join(err, durable.PutJSON(tx.Map("m"), "a", want), durable.PutLogJSON(tx.Log("l"), n, want))
	})
	if err != nil {
		t.Fatal(err)
	}
	err = store.View(func(tx durable.Tx) error {
		if got, ok, err := durable.GetJSON[visit](tx.Map("m"), "a"); err != nil || !ok || got != want {
			t.Errorf("map: got %v, %v, %v, want %v", got, ok, err, want)
		}
		if got, ok, err := durable.LogJSON[visit](tx.Log("l"), 1); err != nil || !ok || got != want {
			t.Errorf("log: got %v, %v, %v, want %v", got, ok, err, want)
		}
		return tx.Log("l").Scan(1, func(_ uint64, value []byte) error {
			got, err := durable.DecodeJSON[visit](value)
			if got != want {
				t.Errorf("scan: got %v, want %v", got, want)
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A value may say who a client is, so an error about it must not quote it.
func TestDecodeErrorQuotesNothing(t *testing.T) {
	store := durabletest.New()
	err := store.Update(t.Context(), func(tx durable.Tx) error {
		m := tx.Map("m")
		if err := m.Put("a", []byte(`{"day":"Maria Ortega"}`)); err != nil {
			return err
		}
		_, ok, err := durable.GetJSON[visit](m, "a")
		if ok || !errors.Is(err, durable.ErrDecode) || strings.Contains(err.Error(), "Ortega") {
			t.Errorf("got %v, %v, want false and a mute ErrDecode", ok, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEncodeError(t *testing.T) {
	store := durabletest.New()
	err := store.Update(t.Context(), func(tx durable.Tx) error { return durable.PutJSON(tx.Map("m"), "a", func() {}) })
	if err == nil || !strings.Contains(err.Error(), "encode func()") {
		t.Errorf("got %v, want an error that names the type", err)
	}
}
