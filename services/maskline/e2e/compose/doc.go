// Package compose tests docker-compose.yaml and its companions against a real Docker engine: what a user who has just
// cloned the project gets. It holds tests only, behind the build tag compose; .ci/compose runs them. It promises to
// remove every container, network and volume that it made.
package compose
