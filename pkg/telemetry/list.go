package telemetry

// Span describes one kind of span.
type Span struct {
	Name, Stage, Kind, Help string
	// Attributes are those that it may have.
	Attributes []string
}

// Spans is the list of all spans, in the order of a batch's life.
func Spans() []Span {
	queue := []string{AttrMessagingSystem, AttrMessagingDestination, AttrMessagingOperationName, AttrMessagingOperationType, AttrMessagingBatchCount}
	frame := []string{AttrBatchID, AttrRecords}
	return []Span{
		{SpanReceive, StageFetcher, "client", "One ReceiveMessage call that returned messages; the root of the trace. It links to the producers' spans: the messages' `traceparent` attribute, or the header of X-Ray.", queue},
		{SpanForward, StageFetcher, "producer", "The sending of one frame. A child of the receive that brought its first message; it links to the other receives.", frame},
		{SpanMask, StageMasker, "consumer", "The masking of one frame, with the wait for a writer.", frame},
		{SpanWrite, StageWriter, "consumer", "A frame's life in the writer, from its arrival to its verdicts.", append(frame[:2:2], AttrBytes)},
		{SpanCommit, StageWriter, "client", "One transaction. A child of its first frame's span; it links to those of the other frames.", []string{AttrDBSystem, AttrDBNamespace, AttrDBCollection, AttrDBOperation, AttrDBBatchSize, AttrDBStatus, AttrErrorType, AttrFrames}},
		{SpanSettle, StageFetcher, "internal", "The handling of one frame's verdicts. A child of its forward.", frame},
		{SpanDelete, StageFetcher, "client", "One DeleteMessageBatch call. A child of its first message's forward; it links to those of the others.", append(queue[:5:5], AttrErrorType)},
	}
}

// Word describes an attribute or a key of log lines.
type Word struct{ Name, Help string }

// Attributes is the list of all attributes of spans and metrics.
func Attributes() []Word {
	return []Word{
		{AttrMessagingSystem, "`aws_sqs`."},
		{AttrMessagingDestination, "The queue's name, without account and region."},
		{AttrMessagingOperationName, "The queue's own word: `ReceiveMessage`, `DeleteMessageBatch`, `ChangeMessageVisibilityBatch`, `SendMessageBatch`."},
		{AttrMessagingOperationType, "`receive`, `settle` or `send`; an extension has none."},
		{AttrMessagingBatchCount, "Messages in the call."},
		{AttrDBSystem, "`postgresql`."},
		{AttrDBNamespace, "The database's name."},
		{AttrDBCollection, "The table's name."},
		{AttrDBOperation, "`INSERT`; in the metric also `COMMIT`."},
		{AttrDBBatchSize, "Rows in the transaction."},
		{AttrDBStatus, "The SQLSTATE of a failed statement."},
		{AttrDBPool, "`commit`."},
		{AttrDBConnectionState, "`used` while it holds a group of rows, else `idle`."},
		{AttrErrorType, "What went wrong, in one word. Queue: `denied`, `missing`, `refused`, `network`, `timeout`, `other`; `partial` if only some entries of the call failed. Database: the SQLSTATE, or `connection`."},
		{AttrServiceVersion, "The release."},
		{AttrRevision, "The commit that was built, if the build recorded it."},
		{AttrRuntimeVersion, "The version of Go."},
		{AttrBatchID, "The frame's id, unique within its stage."},
		{AttrRecords, "Records in the frame."},
		{AttrBytes, "Their size on the wire."},
		{AttrFrames, "Frames of which the transaction holds rows."},
		{AttrReason, "Why a record was rejected: a word of a closed list, never a value."},
		{AttrColumn, "The column that the rejection names, or empty."},
		{AttrCause, "Why a message came again: `delivered_twice`, `visibility_lapsed` while it was in flight here; `deleted`, `given_up`, `released`, `left_to_redrive` when it had left; `elsewhere` when another fetcher had it, or one that died."},
		{AttrDirection, "`downstream`: to the next stage. `upstream`: from the stage before."},
		{AttrState, "Of a stream: `connecting`, `ready`, `waiting`, `draining`. Of messages in the queue: `visible`, `not_visible`, `delayed`."},
	}
}

// Keys is the list of all keys of log lines, beside slog's own.
func Keys() []Word {
	return []Word{
		{KeyTraceID, "The trace that the line belongs to, if there is one."},
		{KeySpanID, "The span within it."},
		{KeyService, "Which service of a process that runs all three."},
		{KeyStage, "Which stage rejected the message."},
		{KeyMessageID, "The queue's id of a message."},
		{KeyReason, "Why: a word of a closed list for a rejection, a sentence for trouble."},
		{KeyColumn, "The column at fault."},
		{KeySQLState, "Postgres' code."},
		{KeyConstraint, "The constraint that the row breaks."},
		{KeyTrouble, "The place where something is wrong: queue, delete, visibility, masker, writer and others."},
		{KeyCause, "An error, or what a person must mend."},
		{KeySuppressed, "How many lines like this one were left out since the last."},
		{KeyRecords, "A number of records."},
		{KeyMessages, "A number of messages."},
		{KeyBatch, "A frame's id."},
		{KeyPeer, "The other side of a stream."},
		{KeyQueue, "A queue's name."},
		{KeyVisibilityTimeout, "The queue's own."},
		{KeyMaxReceiveCount, "That of the queue's redrive policy; 0 without one."},
		{KeyAdvice, "What would be better."},
		{KeyMapping, "The mapping's name."},
		{KeyWarning, "What is weak in it."},
		{KeyTable, "A table's name."},
		{KeyAction, "What follows from a failed transaction."},
		{KeyMethod, "The gRPC method of a handler that panicked."},
		{KeyStack, "Where it was."},
	}
}
