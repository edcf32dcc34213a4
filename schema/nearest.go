package schema

import "strings"

// Nearest finds the known word that was probably meant: the same but for
// case, or at most two letters away.
func Nearest(word string, known []string) (near string, ok bool) {
	best := 3
	for _, k := range known {
		d := distance(strings.ToLower(word), strings.ToLower(k), best)
		if d < best && d <= len(k)/2 && k != word {
			near, best = k, d
		}
	}
	return near, best < 3
}

// distance counts the letters to insert, delete, replace or swap with a
// neighbour to come from a to b; limit or more is told as limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(a) > 200 {
		return limit
	}
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above[j]+cost, above[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above, row = above, row, before
	}
	return min(above[len(b)], limit)
}
