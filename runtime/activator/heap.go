package activator

// heap keeps the usable pods so that the least loaded is first. All of its work is
// log(pods) at most.
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
	moved := old[last]
	old[last] = nil
	*h = old[:last]
	p.index = none
	if moved != p {
		h.put(i, moved)
		h.up(i)
		h.down(moved.index)
	}
}

const (
	heavyRetiring = 1 << 40 // more than any pod has requests
	heavyFull     = 1 << 41
)

// weight is what orders pods: the requests at p; but one that is to go weighs
// more than any that stays, and a full one more than any other.
func (p *pod) weight() int {
	w := p.inflight
	if p.retiring {
		w += heavyRetiring
	}
	if p.full() {
		w += heavyFull
	}
	return w
}

// put places p; who was there is placed elsewhere, or gone.
func (h heap) put(i int, p *pod) { h[i], p.index = p, i }

func (h heap) up(i int) {
	p := h[i]
	for weight := p.weight(); i > 0; {
		parent := (i - 1) / 2
		if h[parent].weight() <= weight {
			break
		}
		h.put(i, h[parent])
		i = parent
	}
	h.put(i, p)
}

func (h heap) down(i int) {
	p := h[i]
	for weight := p.weight(); ; {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		least := h[child].weight()
		if child+1 < len(h) {
			if other := h[child+1].weight(); other < least {
				child, least = child+1, other
			}
		}
		if weight <= least {
			break
		}
		h.put(i, h[child])
		i = child
	}
	h.put(i, p)
}
