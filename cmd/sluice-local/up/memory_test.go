package up

import "testing"

func TestRoomOf_IsAShareWithinBounds(t *testing.T) {
	for spare, want := range map[uint64]uint64{0: 256 << 20, 2 << 30: 256 << 20, 8 << 30: 512 << 20, 64 << 30: 1 << 30} {
		if got := roomOf(spare); got != want {
			t.Errorf("%d to spare: %d, want %d", spare, got, want)
		}
	}
	if got := spare(); got < 1<<20 {
		t.Errorf("this machine has %d bytes to spare", got)
	}
}

func TestPercentOf_LetsTheRoomBe(t *testing.T) {
	const room = 256 << 20
	for live, want := range map[uint64]int{128 << 20: 200, 256 << 20: 100, 2 << 30: gcPercent, 0: 400} {
		if got := percentOf(room, live); got != want {
			t.Errorf("%d in use: %d %%, want %d %%", live, got, want)
		}
	}
}
