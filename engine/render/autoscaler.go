package render

import (
	"math"
	"strconv"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/desired"
)

// Annotations of the template that a HorizontalPodAutoscaler is made of.
const (
	annotationClass  = "autoscaling.knative.dev/class"
	annotationMetric = "autoscaling.knative.dev/metric"
	annotationTarget = "autoscaling.knative.dev/target"
	annotationMin    = "autoscaling.knative.dev/min-scale"
	annotationMax    = "autoscaling.knative.dev/max-scale"
	annotationWindow = "autoscaling.knative.dev/window"

	classHPA = "hpa.autoscaling.knative.dev"
)

// byHPA tells whether Kubernetes' own autoscaler scales the revision.
func byHPA(t desired.Template) bool { return t.Annotations[annotationClass] == classHPA }

// horizontal is the HorizontalPodAutoscaler of a revision of the class hpa. As
// Kubernetes' own it never goes below one pod; our autoscaler takes away the
// pods of a revision that no route leads to, and it does nothing then.
func horizontal(w desired.Workload) built {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.Namespace, Name: w.Revision, Labels: revisionLabels(w),
			Annotations: map[string]string{},
		},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: w.Revision},
			MinReplicas:    ptr(max(1, int32(number(w.Template, annotationMin)))),
			MaxReplicas:    math.MaxInt32,
			Metrics:        metrics(w.Template),
			Behavior:       behavior(w.Template),
		},
	}
	if most := int32(number(w.Template, annotationMax)); most > 0 {
		hpa.Spec.MaxReplicas = most
	}
	return typed("autoscaling/v2", "HorizontalPodAutoscaler", hpa)
}

// metrics is the one metric that Knative allows: cpu in percent of what is
// requested, memory in MiB a pod, anything else by the pods' own metrics.
// Without a target Kubernetes has its own, 80 % of the CPU requested.
func metrics(t desired.Template) []autoscalingv2.MetricSpec {
	target := number(t, annotationTarget)
	if target <= 0 {
		return nil
	}
	switch name := t.Annotations[annotationMetric]; name {
	case "", string(corev1.ResourceCPU):
		return resourceMetric(corev1.ResourceCPU, autoscalingv2.MetricTarget{
			Type: autoscalingv2.UtilizationMetricType, AverageUtilization: ptr(int32(math.Ceil(target))),
		})
	case string(corev1.ResourceMemory):
		return resourceMetric(corev1.ResourceMemory, autoscalingv2.MetricTarget{
			Type: autoscalingv2.AverageValueMetricType, AverageValue: resource.NewQuantity(int64(target*(1<<20)), resource.BinarySI),
		})
	default:
		return []autoscalingv2.MetricSpec{{
			Type: autoscalingv2.PodsMetricSourceType,
			Pods: &autoscalingv2.PodsMetricSource{
				Metric: autoscalingv2.MetricIdentifier{Name: name},
				Target: autoscalingv2.MetricTarget{
					Type: autoscalingv2.AverageValueMetricType, AverageValue: resource.NewMilliQuantity(int64(math.Ceil(target*1000)), resource.DecimalSI),
				},
			},
		}}
	}
}

func resourceMetric(name corev1.ResourceName, target autoscalingv2.MetricTarget) []autoscalingv2.MetricSpec {
	return []autoscalingv2.MetricSpec{{
		Type:     autoscalingv2.ResourceMetricSourceType,
		Resource: &autoscalingv2.ResourceMetricSource{Name: name, Target: target},
	}}
}

// behavior is the window, where one is written: the stabilisation both ways.
func behavior(t desired.Template) *autoscalingv2.HorizontalPodAutoscalerBehavior {
	window, err := time.ParseDuration(t.Annotations[annotationWindow])
	if err != nil {
		return nil
	}
	rules := func() *autoscalingv2.HPAScalingRules {
		return &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: ptr(int32(window / time.Second))}
	}
	return &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: rules(), ScaleDown: rules()}
}

// number is an annotation's value, 0 where there is none.
func number(t desired.Template, key string) float64 {
	v, err := strconv.ParseFloat(t.Annotations[key], 64)
	if err != nil {
		return 0
	}
	return v
}
