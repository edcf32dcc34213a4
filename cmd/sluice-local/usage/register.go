package usage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	aggregation "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	aggregator "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"
	"k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// The Service by which the API server finds a Server.
const (
	serviceName = "sluice-local-usage"
	// DNSName is the name of it that the API server wants to see certified.
	DNSName = serviceName + "." + metav1.NamespaceSystem + ".svc"
)

// fieldManager owns what is registered.
const fieldManager = "sluice-local"

// namespaceEvery is how often it is looked whether a new API server has made its
// own namespace, where the Service belongs.
const namespaceEvery = 50 * time.Millisecond

// Register makes a server at an address part of the cluster's API, until Forget;
// ca is the authority of its certificate, as PEM. What a killed cluster had
// registered is replaced.
func Register(ctx context.Context, cfg *rest.Config, at netip.AddrPort, ca []byte) error {
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	apis, err := aggregator.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	svc, err := json.Marshal(service(at.Addr()))
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	api, err := json.Marshal(apiService(at.Port(), ca))
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	force := metav1.PatchOptions{FieldManager: fieldManager, Force: new(true)}
	err = wait.PollUntilContextCancel(ctx, namespaceEvery, true, func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Services(metav1.NamespaceSystem).Patch(ctx, serviceName, types.ApplyPatchType, svc, force)
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("usage: service: %w", err)
	}
	if _, err := apis.ApiregistrationV1().APIServices().Patch(ctx, apiServiceName, types.ApplyPatchType, api, force); err != nil {
		return fmt.Errorf("usage: %s: %w", apiServiceName, err)
	}
	return nil
}

// Forget takes a server out of the cluster's API.
func Forget(ctx context.Context, cfg *rest.Config) error {
	apis, err := aggregator.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	err = apis.ApiregistrationV1().APIServices().Delete(ctx, apiServiceName, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("usage: %s: %w", apiServiceName, err)
	}
	return nil
}

// service leads to an address of this machine. It has no endpoints: the API
// server takes the name as it is, whatever its kind of node can route.
func service(at netip.Addr) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: serviceName},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: at.String()},
	}
}

const apiServiceName = "v1beta1." + v1beta1.GroupName

func apiService(port uint16, ca []byte) *aggregation.APIService {
	return &aggregation.APIService{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apiregistration.k8s.io/v1", Kind: "APIService"},
		ObjectMeta: metav1.ObjectMeta{Name: apiServiceName},
		Spec: aggregation.APIServiceSpec{
			Service:  &aggregation.ServiceReference{Namespace: metav1.NamespaceSystem, Name: serviceName, Port: new(int32(port))},
			Group:    v1beta1.GroupName,
			Version:  v1beta1.SchemeGroupVersion.Version,
			CABundle: ca,
			// Any: there is one version of it only.
			GroupPriorityMinimum: 100, VersionPriority: 100,
		},
	}
}
