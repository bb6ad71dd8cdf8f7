// Package store keeps everything that an agent must not lose in one bbolt
// file: it implements [durable.Store] and is the only importer of bbolt.
//
// What reaches the disk says nothing to somebody who has the file without its
// key: values are sealed with AES-256-GCM, names and keys are HMACs. What the
// file still shows is how many maps and logs there are, how many entries each
// has, and how long each value is. A value that was changed, or moved to
// another place of the file, does not open ([ErrTampered]). An old copy of the
// whole file, or of a single value at its own place, is not recognised: whoever
// can write the file can set it back, as a restored backup does.
//
// One goroutine writes. It takes what waits, runs it in one bolt transaction
// and syncs once, so that a thousand callers share one sync instead of waiting
// for a thousand.
package store
