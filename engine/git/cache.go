package git

// memo remembers values by key in two generations: when the young one has
// grown past its budget it becomes the old one, and the old one is forgotten.
// What is asked for again stays. It is not safe for concurrent use.
type memo[K comparable, V any] struct {
	young, old map[K]V
	weigh      func(V) int
	weight     int
	budget     int
}

func newMemo[K comparable, V any](budget int, weigh func(V) int) *memo[K, V] {
	return &memo[K, V]{young: map[K]V{}, weigh: weigh, budget: budget}
}

func (m *memo[K, V]) get(k K) (V, bool) {
	if v, ok := m.young[k]; ok {
		return v, true
	}
	v, ok := m.old[k]
	if ok {
		m.put(k, v)
	}
	return v, ok
}

func (m *memo[K, V]) put(k K, v V) {
	if m.weight > m.budget {
		m.old, m.young, m.weight = m.young, map[K]V{}, 0
	}
	m.young[k] = v
	m.weight += 1 + m.weigh(v)
}
