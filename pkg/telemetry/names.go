package telemetry

// Spans: the life of a batch, in its order.
const (
	SpanReceive = "receive"
	SpanForward = "forward"
	SpanMask    = "mask"
	SpanWrite   = "write"
	SpanCommit  = "commit"
	SpanSettle  = "settle"
	SpanDelete  = "delete"
)

// Attributes of spans and metrics: OpenTelemetry's semantic conventions where they have a name, else ours.
const (
	AttrMessagingSystem        = "messaging.system"
	AttrMessagingDestination   = "messaging.destination.name"
	AttrMessagingOperationName = "messaging.operation.name"
	AttrMessagingOperationType = "messaging.operation.type"
	AttrMessagingBatchCount    = "messaging.batch.message_count"
	AttrDBSystem               = "db.system.name"
	AttrDBNamespace            = "db.namespace"
	AttrDBCollection           = "db.collection.name"
	AttrDBOperation            = "db.operation.name"
	AttrDBBatchSize            = "db.operation.batch.size"
	AttrDBStatus               = "db.response.status_code"
	AttrDBPool                 = "db.client.connection.pool.name"
	AttrDBConnectionState      = "db.client.connection.state"
	AttrErrorType              = "error.type"
	AttrServiceVersion         = "service.version"
	AttrRevision               = "vcs.ref.head.revision"
	AttrRuntimeVersion         = "process.runtime.version"
	AttrBatchID                = "maskline.batch.id"
	AttrRecords                = "maskline.records"
	AttrBytes                  = "maskline.bytes"
	AttrFrames                 = "maskline.frames"
	AttrReason                 = "maskline.reason"
	AttrColumn                 = "maskline.column"
	AttrCause                  = "maskline.cause"
	AttrDirection              = "maskline.direction"
	AttrState                  = "maskline.state"
)

// Values of AttrMessagingSystem and AttrDBSystem.
const (
	// SystemSQS is Amazon SQS, or what speaks its protocol.
	SystemSQS = "aws_sqs"
	// SystemPostgres is PostgreSQL.
	SystemPostgres = "postgresql"
)

// Stages.
const (
	// StageFetcher takes from the queue.
	StageFetcher = "fetcher"
	// StageMasker holds the keys.
	StageMasker = "masker"
	// StageWriter holds the database login.
	StageWriter = "writer"
)

// Counters. GetStatus shows them as they are, the metric is maskline.<stage>.<name>.
const (
	CounterReceived     = "received"
	CounterRepeated     = "repeated"
	CounterBytes        = "bytes"
	CounterForwarded    = "forwarded"
	CounterCommitted    = "committed"
	CounterDuplicate    = "duplicate"
	CounterSkipped      = "skipped"
	CounterRejected     = "rejected"
	CounterRetried      = "retried"
	CounterDeadLettered = "dead_lettered"
	CounterDiscarded    = "discarded"
	CounterDeleted      = "deleted"
	CounterReleased     = "released"
	CounterExtended     = "extended"
	CounterGivenUp      = "given_up"
	CounterRequests     = "requests"
	CounterTransactions = "transactions"
	CounterPauses       = "pauses"
	CounterReconnects   = "reconnects"
)

// Gauges: what GetStatus tells beside the counters, so that a dashboard and grpcurl never disagree. The metric is
// maskline.<stage>.<name>.
const (
	GaugeReady              = "ready"
	GaugeInFlightRecords    = "in_flight_records"
	GaugeInFlightBytes      = "in_flight_bytes"
	GaugeInFlightBytesLimit = "in_flight_bytes_limit"
	GaugeLag                = "lag_seconds"
	GaugeUptime             = "uptime_seconds"
	GaugeStreams            = "streams"
	GaugeCreditRecords      = "credit_records"
	GaugeCreditBytes        = "credit_bytes" //nolint:gosec // no credentials
)

// Metrics that are neither counted nor told by GetStatus. Those with a dot are whole names, most of them OpenTelemetry's.
const (
	MetricRejections       = "rejections"
	MetricRedeliveries     = "redeliveries"
	MetricQueueMessages    = "queue_messages"
	MetricQueueAge         = "queue_age"
	MetricReceiveSize      = "receive_size"
	MetricFrameSize        = "frame_size"
	MetricFrameDuration    = "frame_duration"
	MetricMaskDuration     = "mask_duration"
	MetricTransactionSize  = "transaction_size"
	MetricLatency          = "latency"
	MetricQueueCall        = "messaging.client.operation.duration"
	MetricStatement        = "db.client.operation.duration"
	MetricConnections      = "db.client.connection.count"
	MetricConnectionsLimit = "db.client.connection.max"
	MetricBuildInfo        = "maskline.build_info"
)

// Keys of log records.
const (
	KeyTraceID           = "trace_id"
	KeySpanID            = "span_id"
	KeyService           = "service"
	KeyStage             = "stage"
	KeyMessageID         = "message_id"
	KeyReason            = "reason"
	KeyColumn            = "column"
	KeySQLState          = "sqlstate"
	KeyConstraint        = "constraint"
	KeyTrouble           = "trouble"
	KeyCause             = "cause"
	KeySuppressed        = "suppressed"
	KeyRecords           = "records"
	KeyMessages          = "messages"
	KeyBatch             = "batch"
	KeyPeer              = "peer"
	KeyQueue             = "queue"
	KeyVisibilityTimeout = "visibility_timeout"
	KeyMaxReceiveCount   = "max_receive_count"
	KeyAdvice            = "advice"
	KeyMapping           = "mapping"
	KeyWarning           = "warning"
	KeyTable             = "table"
	KeyAction            = "action"
	KeyMethod            = "method"
	KeyStack             = "stack"
)
