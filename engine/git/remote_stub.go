package git

import "errors"

type remote struct {
	local
	db *database
}

func newRemote(Config, location) (*remote, error) { return nil, errors.New("not yet") }
