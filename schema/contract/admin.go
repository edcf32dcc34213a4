package contract

// Who may ask what the roles know, and tell them what to do. Health, readiness
// and metrics are for everyone; see runtime/guard.
const (
	// Operator is the ServiceAccount as which people ask: who may create tokens
	// of it may use the verbs that ask a role.
	Operator = "operator"
	// AdminAudience is whom tokens for the roles are for. Nothing else accepts
	// them, the API server neither.
	AdminAudience = "sluice.dev/admin"
	// HeaderToken carries such a token. Not Authorization, which the API server
	// takes off what it passes on to a pod.
	HeaderToken = "Sluice-Token"
	// AdminTokenDir holds a role's own token, in the file AdminTokenFile; the
	// kubelet renews it.
	AdminTokenDir = "/var/run/secrets/sluice.dev"
	// AdminTokenFile is that file's name.
	AdminTokenFile = "token"
)
