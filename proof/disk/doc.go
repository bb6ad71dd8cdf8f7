// Package disk is a file system that can lose power: what was written and not
// synced is gone afterwards, or survives in part.
//
// It passes everything through to a directory beside it and keeps, in memory,
// how to undo what was not synced. It promises what ext4 and XFS promise: the
// sync of a file makes its content durable, and with it every earlier making,
// renaming and removal of a name, in whichever directory; what such a name
// stands for may still be empty. Content that was not synced is lost, or torn:
// parts of it survive, in any order.
//
// It needs /dev/fuse and the right to mount; [Possible] says whether they are
// there. Start with [Mount] in disk.go.
package disk
