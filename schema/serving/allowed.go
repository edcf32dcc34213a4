package serving

import (
	"reflect"
	"strings"
)

// fieldRules says which fields of a Kubernetes type a revision may set, and
// of the others why not, where there is a reason worth telling.
type fieldRules struct {
	of      string
	allowed string
	reasons map[string]string
}

const platformDoes = "the platform decides this for every revision"

var podFields = fieldRules{
	of: "a revision",
	allowed: "serviceAccountName containers volumes imagePullSecrets enableServiceLinks automountServiceAccountToken " +
		"affinity topologySpreadConstraints hostAliases nodeSelector runtimeClassName tolerations securityContext shareProcessNamespace " +
		"priorityClassName schedulerName initContainers dnsPolicy dnsConfig",
	reasons: map[string]string{
		"restartPolicy":                 platformDoes,
		"terminationGracePeriodSeconds": "a pod that ends is given timeoutSeconds to finish its requests: set timeoutSeconds",
		"activeDeadlineSeconds":         "a revision runs until it is not wanted any more",
		"nodeName":                      "a revision is not bound to one node: use nodeSelector",
		"hostname":                      "pods of a revision are alike",
		"subdomain":                     "pods of a revision are alike",
		"priority":                      "write priorityClassName",
		"readinessGates":                "write a readinessProbe",
		"hostNetwork":                   reachesOut,
		"hostPID":                       reachesOut,
		"hostIPC":                       reachesOut,
		"hostUsers":                     reachesOut,
		"serviceAccount":                "this is the old name: write serviceAccountName",
	},
}

const reachesOut = "it reaches beyond the pod into its node, which a repository is not trusted with"

var containerFields = fieldRules{
	of: "a revision's container",
	allowed: "name args command env envFrom workingDir image imagePullPolicy livenessProbe readinessProbe startupProbe ports resources " +
		"securityContext terminationMessagePath terminationMessagePolicy volumeMounts",
	reasons: map[string]string{
		"lifecycle":     "a container is told to end a second after its last request may have come; do what has to be done in the program, at SIGTERM",
		"stdin":         "nobody types into a revision",
		"stdinOnce":     "nobody types into a revision",
		"tty":           "nobody types into a revision",
		"volumeDevices": "a revision mounts volumes: write volumeMounts",
	},
}

var initFields = fieldRules{
	of:      "an init container",
	allowed: strings.ReplaceAll(strings.ReplaceAll(containerFields.allowed, "livenessProbe readinessProbe startupProbe ports ", ""), "name ", "name restartPolicy "),
	reasons: map[string]string{
		"livenessProbe":  "it runs once and ends",
		"readinessProbe": "it runs once and ends",
		"startupProbe":   "it runs once and ends",
		"ports":          "only a container of the list containers answers requests",
	},
}

var podSecurityFields = fieldRules{
	of:      "a revision's securityContext",
	allowed: "fsGroup fsGroupChangePolicy runAsGroup runAsNonRoot supplementalGroups supplementalGroupsPolicy runAsUser seccompProfile",
}

var securityFields = fieldRules{
	of:      "a container's securityContext",
	allowed: "capabilities readOnlyRootFilesystem runAsUser runAsGroup runAsNonRoot allowPrivilegeEscalation seccompProfile privileged",
}

var volumeFields = fieldRules{
	of:      "a revision's volume",
	allowed: "name secret configMap projected emptyDir downwardAPI persistentVolumeClaim ephemeral image",
	reasons: map[string]string{"hostPath": reachesOut},
}

var mountFields = fieldRules{
	of:      "a volumeMount",
	allowed: "name readOnly mountPath subPath",
}

var portFields = fieldRules{
	of:      "a port",
	allowed: "name containerPort protocol",
	reasons: map[string]string{"hostPort": reachesOut, "hostIP": reachesOut},
}

// allowed refuses every field of a struct that is set and not in the rules.
func (c *check) allowed(path string, v any, rules fieldRules) {
	c.eachField(path, reflect.ValueOf(v), rules)
}

func (c *check) eachField(path string, v reflect.Value, rules fieldRules) {
	t := v.Type()
	for i := range t.NumField() {
		if v.Field(i).IsZero() {
			continue
		}
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		switch {
		case name == "" && t.Field(i).Anonymous:
			c.eachField(path, v.Field(i), rules)
		case !rules.allow(name):
			reason := rules.reasons[name]
			if reason != "" {
				reason = ": " + reason
			}
			c.errorf(path+"."+name, "%s cannot set %s%s", rules.of, name, reason)
		}
	}
}

// allow reports whether a field is in the list.
func (r fieldRules) allow(name string) bool {
	for rest := r.allowed; rest != ""; {
		var word string
		if word, rest, _ = strings.Cut(rest, " "); word == name {
			return true
		}
	}
	return false
}
