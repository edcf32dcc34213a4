package network

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// Our own chains; kube-proxy's and the kubelet's begin with kubePrefix.
const (
	kubePrefix   = "KUBE-"
	ownPrefix    = "SLUICE-"
	chainOut     = ownPrefix + "OUT"
	chainForward = ownPrefix + "FORWARD"
	chainNobody  = ownPrefix + "NOBODY"
)

// AllowPods lets pods reach one another and the world, which sees the machine's
// own address. One rule for all pods, where the network plugin would write some
// for each. Who asks for a cluster IP that nobody has is refused: what reaches
// these rules has not been given a pod's address by kube-proxy's.
func AllowPods() error {
	if err := clean("iptables", ownPrefix); err != nil {
		return err
	}
	return restore("iptables", podRules())
}

func podRules() string {
	return fmt.Sprintf(`*nat
:%[1]s - [0:0]
-A %[1]s -s %[3]s ! -d %[3]s -j MASQUERADE
-A POSTROUTING -s %[3]s ! -o %[4]s -j %[1]s
COMMIT
*filter
:%[2]s - [0:0]
-A %[2]s -s %[3]s -j ACCEPT
-A %[2]s -d %[3]s -j ACCEPT
-I FORWARD 1 -j %[2]s
:%[5]s - [0:0]
-A %[5]s -d %[6]s -p tcp -j REJECT --reject-with tcp-reset
-A %[5]s -d %[6]s -j REJECT
-I FORWARD 1 -j %[5]s
-I OUTPUT 1 -j %[5]s
COMMIT
`, chainOut, chainForward, Pods, LinkName, chainNobody, Services)
}

// CleanFilter removes every rule and chain of the cluster from the machine's
// packet filters.
func CleanFilter() error {
	errs := []error{}
	for _, family := range []string{"iptables", "ip6tables"} {
		errs = append(errs, clean(family, kubePrefix, ownPrefix))
	}
	return errors.Join(errs...)
}

// clean removes chains by their prefix, and the rules that jump to them.
func clean(family string, prefixes ...string) error {
	saved, err := exec.Command(family + "-save").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("network: %s-save: %w", family, err)
	}
	if text := removal(string(saved), prefixes...); text != "" {
		return restore(family, text)
	}
	return nil
}

func restore(family, text string) error {
	cmd := exec.Command(family+"-restore", "--noflush", "--wait")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("network: %s-restore: %w: %s", family, err, bytes.TrimSpace(out))
	}
	return nil
}

// removal turns what iptables-save printed into what iptables-restore has to
// read to be rid of all chains with one of the prefixes; "" if there are none.
func removal(saved string, prefixes ...string) string {
	ours := func(chain string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(chain, p) })
	}
	var out strings.Builder
	var table string
	var jumps, flushes, deletions []string
	for line := range strings.Lines(saved) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "*"):
			table, jumps, flushes, deletions = line, nil, nil, nil
		case strings.HasPrefix(line, ":"):
			if chain := strings.Fields(line[1:])[0]; ours(chain) {
				flushes, deletions = append(flushes, ":"+chain+" - [0:0]"), append(deletions, "-X "+chain)
			}
		case strings.HasPrefix(line, "-A "):
			words := strings.Fields(line)
			if !ours(words[1]) && ours(target(words)) {
				jumps = append(jumps, "-D "+strings.TrimPrefix(line, "-A "))
			}
		case line == "COMMIT" && len(flushes) > 0:
			// A chain can go only when nothing jumps to it: all are emptied first.
			all := slices.Concat([]string{table}, flushes, jumps, deletions, []string{"COMMIT"})
			out.WriteString(strings.Join(all, "\n") + "\n")
		}
	}
	return out.String()
}

// target is the chain that a rule jumps to.
func target(rule []string) string {
	for i, word := range rule[:len(rule)-1] {
		if word == "-j" || word == "-g" {
			return rule[i+1]
		}
	}
	return ""
}
