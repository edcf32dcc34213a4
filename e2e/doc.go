// Package e2e holds tests that need a real Kubernetes API. `make e2e` runs
// them: on the cluster that $KUBECONFIG names, or else on one of their own,
// which they start with bin/sluice-local and take down again.
//
// # In
//
// $KUBECONFIG with $SLUICE_REPO, $SLUICE_HTTP and either $SLUICE_DIR or
// $SLUICE_E2E_LOAD_IMAGE, which docs/installing.md explains; or bin/sluice-local,
// with the node that $SLUICE_E2E_NODE names.
//
// # Out
//
// Test failures. With neither a cluster nor the program nothing is skipped:
// the tests fail and say so.
//
// # Reads
//
// main_test.go; stories_test.go runs the stories of the examples and of
// testdata, contract_test.go, protocols_test.go and scaling_test.go ask what an app may count on,
// chaos_test.go, killed_test.go and activators_test.go take things away under way.
package e2e
