package engine

// verdicts say, by revision, why it answers worse than the one before it.
type verdicts map[revisionKey]string

// of are those about a unit's namespace.
func (v verdicts) of(u *unit) map[string]string {
	var out map[string]string
	for key, why := range v {
		if key.namespace == u.namespace() && why != "" {
			if out == nil {
				out = map[string]string{}
			}
			out[key.name] = why
		}
	}
	return out
}

// print appends the verdicts about revisions that a unit's shares move to.
func (v verdicts) print(b []byte, u *unit) []byte {
	if len(v) == 0 {
		return b
	}
	for _, routing := range u.result.Routes {
		for _, s := range routing.Shares {
			if why := v[revisionKey{u.namespace(), s.Revision}]; why != "" {
				b = appendTexts(b, "worse", s.Revision, why)
			}
		}
	}
	return b
}
