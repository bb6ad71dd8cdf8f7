package checker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
)

// unreadable proves S2 and S6 as far as files can show it: what would say who a
// client is stands in no file of any data directory.
func unreadable(texts []string, dirs map[string]fs.FS) (Promise, error) {
	var f faults
	files, size := 0, int64(0)
	for _, name := range slices.Sorted(maps.Keys(dirs)) {
		err := fs.WalkDir(dirs[name], ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			files++
			n, found, err := search(dirs[name], path, texts)
			size += n
			if found != "" {
				f.add("%s/%s holds %q in clear text", name, path, found)
			}
			return err
		})
		if err != nil {
			return Promise{}, fmt.Errorf("search %s: %w", name, err)
		}
	}
	return f.promise("S2 S6 nobody else can read it", "%d names and numbers of clients, and types of events, stand in none of %d files (%.1f MB) of broker and agents", len(texts), files, float64(size)/1e6), nil
}

// search reads a file in pieces that overlap, so that no text is missed
// between two.
func search(dir fs.FS, path string, texts []string) (size int64, found string, err error) {
	file, err := dir.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = file.Close() }() // only read from
	longest := 1
	for _, t := range texts {
		longest = max(longest, len(t))
	}
	const piece = 1 << 20
	buf := make([]byte, 0, piece+longest)
	for {
		n, err := io.ReadFull(file, buf[len(buf):len(buf)+piece])
		buf = buf[:len(buf)+n]
		size += int64(n)
		for _, t := range texts {
			if bytes.Contains(buf, []byte(t)) {
				return size, t, nil
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return size, "", nil
		}
		if err != nil {
			return size, "", err
		}
		keep := min(len(buf), longest-1)
		buf = buf[:copy(buf, buf[len(buf)-keep:])]
	}
}
