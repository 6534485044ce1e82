module github.com/maskline/maskline/services/maskline

go 1.26.0

require (
	github.com/maskline/maskline/pkg v0.0.0
	github.com/maskline/maskline/proto v0.0.0
	go.opentelemetry.io/otel v1.47.0
	go.opentelemetry.io/otel/trace v1.47.0
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)

replace (
	github.com/maskline/maskline/pkg => ../../pkg
	github.com/maskline/maskline/proto => ../../proto
)
