package telemetry

// Names of spans: the life of a batch, in its order.
const (
	// SpanReceive is one ReceiveMessage call that returned messages.
	SpanReceive = "receive"
	// SpanForward is a frame's life in the fetcher, from its sending to its settlement.
	SpanForward = "forward"
	// SpanMask is the masking of one frame.
	SpanMask = "mask"
	// SpanWrite is a frame's life in the writer, from its arrival to its verdicts.
	SpanWrite = "write"
	// SpanCommit is one transaction, which holds the frames of several streams; they are its links.
	SpanCommit = "commit"
	// SpanSettle is the handling of one frame's verdicts in the fetcher.
	SpanSettle = "settle"
	// SpanDelete is one DeleteMessageBatch call.
	SpanDelete = "delete"
)

// Attributes of spans and metrics: OpenTelemetry's semantic conventions where they have a name, else ours.
const (
	// AttrMessagingSystem is SystemSQS.
	AttrMessagingSystem = "messaging.system"
	// AttrMessagingDestination is the queue's name, without account and region.
	AttrMessagingDestination = "messaging.destination.name"
	// AttrMessagingBatchCount is the number of messages in a call.
	AttrMessagingBatchCount = "messaging.batch.message_count"
	// AttrMessagingOperationName is the queue's own word, for example ReceiveMessage.
	AttrMessagingOperationName = "messaging.operation.name"
	// AttrMessagingOperationType is receive, send or settle.
	AttrMessagingOperationType = "messaging.operation.type"
	// AttrDBSystem is SystemPostgres.
	AttrDBSystem = "db.system.name"
	// AttrDBNamespace is the database's name.
	AttrDBNamespace = "db.namespace"
	// AttrDBCollection is the table's name.
	AttrDBCollection = "db.collection.name"
	// AttrDBOperation is INSERT.
	AttrDBOperation = "db.operation.name"
	// AttrDBBatchSize is the number of rows in a transaction.
	AttrDBBatchSize = "db.operation.batch.size"
	// AttrDBStatus is the SQLSTATE of a failed statement.
	AttrDBStatus = "db.response.status_code"
	// AttrErrorType is a low-cardinality word for what went wrong.
	AttrErrorType = "error.type"
	// AttrServerAddress is the other side of a stream.
	AttrServerAddress = "server.address"

	// AttrBatchID is the frame's id, which is unique within its stream.
	AttrBatchID = "maskline.batch.id"
	// AttrRecords is the number of records in a frame.
	AttrRecords = "maskline.records"
	// AttrBytes is their size on the wire.
	AttrBytes = "maskline.bytes"
	// AttrFrames is the number of frames in a transaction.
	AttrFrames = "maskline.frames"
	// AttrStage is fetcher, masker or writer.
	AttrStage = "maskline.stage"
	// AttrReason is why a record was rejected: a word of the closed list, never a value.
	AttrReason = "maskline.reason"
	// AttrColumn is the column that a rejection names.
	AttrColumn = "maskline.column"
	// AttrOutcome is committed, duplicate, skipped, rejected or retry.
	AttrOutcome = "maskline.outcome"
	// AttrMappingHash is the hash of the compiled mapping.
	AttrMappingHash = "maskline.mapping.hash"
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

// Names of counters. GetStatus shows them as they are, the metric is maskline.<stage>.<name>.
const (
	// CounterReceived counts records taken in, first deliveries and repetitions alike.
	CounterReceived = "received"
	// CounterForwarded counts records sent to the next stage, re-sending included.
	CounterForwarded = "forwarded"
	// CounterMasked counts records masked.
	CounterMasked = "masked"
	// CounterCommitted counts rows committed.
	CounterCommitted = "committed"
	// CounterDuplicate counts records whose row was there already.
	CounterDuplicate = "duplicate"
	// CounterSkipped counts records that the mapping leaves out.
	CounterSkipped = "skipped"
	// CounterRejected counts records that can never become a row.
	CounterRejected = "rejected"
	// CounterRetried counts records that have to be sent again.
	CounterRetried = "retried"
	// CounterDeadLettered counts messages copied to the dead-letter queue.
	CounterDeadLettered = "dead_lettered"
	// CounterDiscarded counts rejected messages dropped on the operator's demand.
	CounterDiscarded = "discarded"
	// CounterDeleted counts messages deleted from the queue.
	CounterDeleted = "deleted"
	// CounterReleased counts messages given back to the queue.
	CounterReleased = "released"
	// CounterRepeated counts deliveries of messages that were in flight already.
	CounterRepeated = "repeated"
	// CounterExtended counts extensions of a visibility timeout.
	CounterExtended = "extended"
	// CounterGivenUp counts in-flight entries dropped without being deleted or released.
	CounterGivenUp = "given_up"
	// CounterTransactions counts commits.
	CounterTransactions = "transactions"
	// CounterBytes counts bytes taken in.
	CounterBytes = "bytes"
)

// Keys of log records.
const (
	// KeyError is an error's text.
	KeyError = "error"
	// KeyStage is fetcher, masker or writer.
	KeyStage = "stage"
	// KeyVersion is the program's version.
	KeyVersion = "version"
	// KeyAddress is a host and port.
	KeyAddress = "address"
	// KeyQueue is a queue's URL or name.
	KeyQueue = "queue"
	// KeyTable is a table's name.
	KeyTable = "table"
	// KeyColumn is a column's name.
	KeyColumn = "column"
	// KeyReason is a word that says why.
	KeyReason = "reason"
	// KeyRecords is a number of records.
	KeyRecords = "records"
	// KeyBytes is a size.
	KeyBytes = "bytes"
	// KeyBatch is a frame's id.
	KeyBatch = "batch"
	// KeyPeer is the other side of a stream.
	KeyPeer = "peer"
	// KeySQLState is a five-letter code of Postgres.
	KeySQLState = "sqlstate"
	// KeyFix says what a person can do about it.
	KeyFix = "fix"
	// KeySuppressed is how many lines like this one were left out since the last.
	KeySuppressed = "suppressed"
	// KeyDuration is how long something took.
	KeyDuration = "duration"
	// KeyTraceID and KeySpanID join a line to its trace.
	KeyTraceID = "trace_id"
	// KeySpanID is the span within the trace.
	KeySpanID = "span_id"
)
