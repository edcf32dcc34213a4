package lock

import (
	"errors"
	"strings"
	"testing"
)

func TestTake_SecondIsToldWhoHasIt(t *testing.T) {
	dir := t.TempDir()
	first, err := Take(dir, "sluice-local (process 1)")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Take(dir, "sluice-local (process 2)")
	var held *HeldError
	if !errors.As(err, &held) || held.Holder != "sluice-local (process 1)" || !strings.Contains(err.Error(), "--dir") {
		t.Errorf("error = %v", err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := Take(dir, "3")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Release()
	if _, err = Take(dir, "4"); !errors.As(err, &held) || held.Holder != "3" {
		t.Errorf("error = %v; want the shorter name of the new holder", err)
	}
}
