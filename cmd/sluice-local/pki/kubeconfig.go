package pki

import (
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// AdminGroup is the group that may do everything.
const AdminGroup = "system:masters"

// contextName is the name of the cluster, the user and the context in the
// kubeconfig files.
const contextName = "sluice-local"

// Kubeconfig writes a kubeconfig at path with a fresh client certificate for
// who inside; only the owner can read it. server is an https URL.
func (a *Authority) Kubeconfig(path, server string, who Identity) error {
	cert, key, err := a.Issue(who)
	if err != nil {
		return err
	}
	c := clientcmdapi.NewConfig()
	c.Clusters[contextName] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: a.CAPEM()}
	c.AuthInfos[contextName] = &clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	c.Contexts[contextName] = &clientcmdapi.Context{Cluster: contextName, AuthInfo: contextName}
	c.CurrentContext = contextName
	text, err := clientcmd.Write(*c)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return replace(path, text)
}

// Rest is the same as Kubeconfig for a client within this process, without a
// limit on its requests.
func (a *Authority) Rest(server string, who Identity) (*rest.Config, error) {
	cert, key, err := a.Issue(who)
	if err != nil {
		return nil, err
	}
	return &rest.Config{
		Host: server, QPS: -1, UserAgent: "sluice-local",
		TLSClientConfig: rest.TLSClientConfig{CAData: a.CAPEM(), CertData: cert, KeyData: key},
	}, nil
}
