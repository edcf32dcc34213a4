package activator

// heap keeps the usable pods so that the least loaded is first; a full pod
// weighs more than any other, and one that is to go more than any that stays. All of its work is log(pods) at most.
type heap []*pod

// none is the index of a pod that is not in the heap.
const none = -1

// take claims a place on the least loaded pod, or returns nil if all are full.
func (h heap) take() *pod {
	if len(h) == 0 || h[0].full() {
		return nil
	}
	p := h[0]
	p.inflight++
	h.down(0)
	return p
}

// unlimited tells whether there are pods that take any number of requests: then
// nobody has to count them for everybody. (All pods of a revision are alike.)
func (h heap) unlimited() bool { return len(h) > 0 && h[0].limit == 0 }

// heavier restores the order after p got heavier; p may be outside the heap.
func (h heap) heavier(p *pod) {
	if p.index != none {
		h.down(p.index)
	}
}

// lighter restores the order after p got lighter; p may be outside the heap.
func (h heap) lighter(p *pod) {
	if p.index != none {
		h.up(p.index)
	}
}

func (h *heap) add(p *pod) {
	p.index = len(*h)
	*h = append(*h, p)
	h.up(p.index)
}

func (h *heap) remove(p *pod) {
	old := *h
	i, last := p.index, len(old)-1
	old.swap(i, last)
	old[last] = nil
	*h = old[:last]
	p.index = none
	if i < last {
		h.up(i)
		h.down(i)
	}
}

func (h heap) less(i, j int) bool {
	a, b := h[i], h[j]
	if af, bf := a.full(), b.full(); af != bf {
		return bf
	}
	if a.retiring != b.retiring {
		return b.retiring
	}
	return a.inflight < b.inflight
}

func (h heap) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h heap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.less(i, parent) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h heap) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h.less(child+1, child) {
			child++
		}
		if !h.less(child, i) {
			return
		}
		h.swap(i, child)
		i = child
	}
}
