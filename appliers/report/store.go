package report

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema/contract"
)

// key is the ConfigMap's, for gzipped JSON.
const key = "report.json.gz"

// maxReport bounds what is unpacked: 64 MiB is 100,000 specs.
const maxReport = 64 << 20

// Write stores a report.
func Write(ctx context.Context, client kubernetes.Interface, r status.Report) error {
	packed, err := pack(r)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata":   map[string]any{"name": contract.StatusConfigMap, "namespace": contract.Namespace},
		"binaryData": map[string][]byte{key: packed},
	})
	if err != nil {
		return err
	}
	force := true
	_, err = client.CoreV1().ConfigMaps(contract.Namespace).Patch(ctx, contract.StatusConfigMap, types.ApplyPatchType, body,
		metav1.PatchOptions{FieldManager: contract.FieldManager, Force: &force})
	if err != nil {
		return fmt.Errorf("status: write: %w", err)
	}
	return nil
}

// Read gives the report that was stored last.
func Read(ctx context.Context, client kubernetes.Interface) (status.Report, error) {
	cm, err := client.CoreV1().ConfigMaps(contract.Namespace).Get(ctx, contract.StatusConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return status.Report{}, fmt.Errorf("the engine has not reported yet; is it running? kubectl -n %s get pods", contract.Namespace)
	}
	if err != nil {
		return status.Report{}, fmt.Errorf("status: read: %w", err)
	}
	return unpack(cm)
}

// maxPacked is how large the packed report may be: an object of the API
// server's holds 1 MiB, in base64.
const maxPacked = 700 << 10

// pack encodes a report; of one that is too large, as many problems as fit,
// and then as many specs.
func pack(r status.Report) ([]byte, error) {
	for {
		b, err := encode(r)
		if err != nil || len(b) <= maxPacked {
			return b, err
		}
		if n := len(r.Problems); n > 0 {
			r.Problems = r.Problems[:n/2]
		} else {
			r.Specs = r.Specs[:len(r.Specs)/2]
		}
		r.Cut = true
	}
}

func encode(r status.Report) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(r); err != nil {
		return nil, fmt.Errorf("status: encode: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("status: encode: %w", err)
	}
	return b.Bytes(), nil
}

func unpack(cm *corev1.ConfigMap) (status.Report, error) {
	z, err := gzip.NewReader(bytes.NewReader(cm.BinaryData[key]))
	if err != nil {
		return status.Report{}, fmt.Errorf("status: decode: %w", err)
	}
	var r status.Report
	if err := json.NewDecoder(io.LimitReader(z, maxReport)).Decode(&r); err != nil {
		return status.Report{}, fmt.Errorf("status: decode: %w", err)
	}
	return r, nil
}
