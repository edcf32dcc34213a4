package role

import (
	"context"

	"github.com/sluice-dev/sluice/appliers/jobs"
	"github.com/sluice-dev/sluice/cmd/sluice/verb"
)

// BuildLogs copies what a build has written.
func (c *cluster) BuildLogs(ctx context.Context, q verb.BuildLogs) error {
	return jobs.Logs{
		Client: c.client, Namespace: q.Namespace, Name: q.Name, Step: q.Step, Follow: q.Follow, Out: q.Out, Progress: q.Progress,
	}.Copy(ctx)
}
