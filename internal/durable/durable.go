// Package durable is the transaction that an agent's parts share.
//
// The store implements it; outbox, inbox and casebook write through it without
// knowing the store, so that an incoming envelope, its effect, the new cursor
// and the receipt can be one transaction. Names and keys given here are plain;
// the implementation decides what reaches the disk (it keeps them opaque).
package durable

import (
	"context"
	"errors"
)

// ErrClosed is returned by every call on a store that was closed.
var ErrClosed = errors.New("store is closed")

// Store runs transactions.
type Store interface {
	// Update runs fn in a read-write transaction and returns once it is on disk
	// (fsynced), or returns fn's error with nothing written. Calls that wait at
	// the same time share one commit, in the order of their arrival. fn may be
	// run more than once (when another fn of the same commit fails), so it must
	// have no effect outside tx.
	Update(ctx context.Context, fn func(tx Tx) error) error
	// View runs fn on a consistent snapshot. fn must be short: a long one makes
	// the file grow.
	View(fn func(tx Tx) error) error
}

// Tx is one transaction. It is not safe for concurrent use and must not
// outlive the function that it was given to. Values returned are copies.
type Tx interface {
	// Map opens the named map; it comes into being with its first Put.
	Map(name string) Map
	// Log opens the named log; it comes into being with its first Append.
	Log(name string) Log
}

// Map keeps values by key, in no order that means anything.
type Map interface {
	// Get returns nil, nil when there is no such key.
	Get(key string) ([]byte, error)
	Put(key string, value []byte) error
	// Delete of a key that is not there is no error.
	Delete(key string) error
	// Each calls fn for every entry until fn returns an error, which it
	// returns; fn must not write to this map.
	Each(fn func(key string, value []byte) error) error
	Len() (int, error)
}

// Log keeps values by a rising number that is never reused, from 1.
type Log interface {
	Append(value []byte) (uint64, error)
	// Get returns nil, nil when there is no such number.
	Get(n uint64) ([]byte, error)
	// Put replaces the value at a number that Append gave.
	Put(n uint64, value []byte) error
	Delete(n uint64) error
	// Scan calls fn for the entries with number >= from, in order, until fn
	// returns ErrStop (Scan returns nil) or another error (returned); fn must
	// not write to this log.
	Scan(from uint64, fn func(n uint64, value []byte) error) error
	// Last is the highest number ever given, 0 if none.
	Last() (uint64, error)
	Len() (int, error)
}

// ErrStop ends a Scan or Each without an error.
var ErrStop = errors.New("stop")

// Sub returns a view of tx in which every name is prefixed with scope, so that
// what belongs to one network cannot meet what belongs to another.
func Sub(tx Tx, scope string) Tx { return sub{tx, scope + "/"} }

type sub struct {
	tx     Tx
	prefix string
}

func (s sub) Map(name string) Map { return s.tx.Map(s.prefix + name) }
func (s sub) Log(name string) Log { return s.tx.Log(s.prefix + name) }

// Scope returns a Store all of whose transactions are [Sub] views.
func Scope(s Store, scope string) Store { return scoped{s, scope} }

type scoped struct {
	store Store
	scope string
}

func (s scoped) Update(ctx context.Context, fn func(tx Tx) error) error {
	return s.store.Update(ctx, func(tx Tx) error { return fn(Sub(tx, s.scope)) })
}

func (s scoped) View(fn func(tx Tx) error) error {
	return s.store.View(func(tx Tx) error { return fn(Sub(tx, s.scope)) })
}
