package main

import (
	"os"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/cmd/sluice/role"
	"github.com/sluice-dev/sluice/cmd/sluice/verb"
)

func main() {
	s := cli.System()
	os.Exit(cli.Main(s, verb.Root(s, role.Parts{}, role.Commands(s)...)))
}
