// Pins protoc-gen-go alone, outside the workspace: its dependencies never raise the versions of ours.
module github.com/maskline/maskline/tools/protoc-gen-go

go 1.26.0

tool google.golang.org/protobuf/cmd/protoc-gen-go

require google.golang.org/protobuf v1.36.12 // indirect
