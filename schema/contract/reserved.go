package contract

import "strings"

// OfRoute reports whether a reserved annotation is for people to write on a
// Service or Route.
func OfRoute(key string) bool {
	return key == AnnotationRamp || key == AnnotationPreviewPercent
}

// Reserved reports whether a label or annotation is the platform's own to
// write. In a document from the repository it could pass one object off as
// another, so it is refused there.
func Reserved(key string) bool {
	switch key {
	case LabelService, LabelConfiguration, LabelRevision, LabelRoute:
		return true
	}
	return strings.HasPrefix(key, "sluice.dev/") || strings.HasPrefix(key, "applyset.kubernetes.io/")
}
