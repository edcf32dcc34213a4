// Package forge tells GitHub, GitLab or Gitea how a commit fares: one commit
// status for each spec that the commit touched, and one for all together; and how
// the newest commits of previewed branches and pull requests do.
//
// # In
//
// status.Report values, one after the other, from the engine's loop; where
// the repository is, and a token.
//
// # Out
//
// Commit statuses: pending, success or failure, with a text of one line.
// Nothing here holds the loop up: what is overtaken is not sent, what the
// forge refuses for good is logged once.
//
// # Reads
//
// statuses.go and previews.go are what is said, pure; place.go is where; reporter.go sends.
package forge
