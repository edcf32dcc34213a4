package main

import (
	"os"

	"github.com/sluice-dev/sluice/cmd/sluice-local/cli"
	"github.com/sluice-dev/sluice/cmd/sluice-local/kubelet"
	"github.com/sluice-dev/sluice/cmd/sluice-local/node"
)

func main() {
	node.MaybeShim()
	kubelet.MaybeRun()
	os.Exit(cli.Main(os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
