package eventing

import "github.com/sluice-dev/sluice/schema/expression"

func (c *check) cesql(path, text string) {
	if _, err := expression.CESQL(text); err != nil {
		c.errorf(path, "is no CloudEvents SQL: %v; write a condition such as `type = 'order.created' AND EXISTS subject`", err)
	}
}

func (c *check) condition(path, text string) {
	if _, err := expression.Condition(text); err != nil {
		c.errorf(path, "is no condition in CEL: %v; write one such as `event.type == 'order.created' && data.total > 100`", err)
	}
}

func (c *check) value(path, text string) {
	if _, err := expression.Value(text); err != nil {
		c.errorf(path, "is no expression in CEL: %v; write one such as `{'order': data.id}`", err)
	}
}
