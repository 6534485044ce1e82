package simulation

import "time"

// event is something to do at a time; of two at the same time the one that was planned first is done first.
type event struct {
	at     time.Duration
	number uint64
	do     func()
}

func (e event) before(f event) bool { return e.at < f.at || e.at == f.at && e.number < f.number }

// events is what is still to come: a binary heap, the next event first.
type events []event

func (h *events) push(e event) {
	all := append(*h, e)
	i := len(all) - 1
	for i > 0 && all[i].before(all[(i-1)/2]) {
		all[i], all[(i-1)/2] = all[(i-1)/2], all[i]
		i = (i - 1) / 2
	}
	*h = all
}

func (h *events) pop() event {
	all := *h
	first, last := all[0], len(all)-1
	all[0], all[last] = all[last], event{}
	all = all[:last]
	for i := 0; ; {
		next := 2*i + 1
		if next+1 < last && all[next+1].before(all[next]) {
			next++
		}
		if next >= last || !all[next].before(all[i]) {
			break
		}
		all[i], all[next] = all[next], all[i]
		i = next
	}
	*h = all
	return first
}
