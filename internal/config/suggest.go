package config

import (
	"strings"
)

// unknown says that there is no such setting, and which one was perhaps meant.
// The name is repeated only if it looks like one: a value in its place might be
// a secret.
func unknown(name string, all []setting) string {
	best, distance := "", 3
	for _, s := range all {
		if d := edits(strings.ToLower(name), s.name); d < distance {
			best, distance = s.name, d
		}
	}
	switch {
	case best != "":
		return "there is no such setting; " + best + " was perhaps meant"
	case len(name) <= 40 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == "":
		return "there is no setting " + name
	default:
		return "there is no such setting"
	}
}

// edits is the number of letters that have to be changed, added or taken away
// to make a of b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
