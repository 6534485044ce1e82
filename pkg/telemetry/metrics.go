package telemetry

// Upper bounds of histograms.
var (
	upToTen = []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	records = []float64{1, 5, 10, 25, 50, 100, 200, 300, 400, 500}
	rows    = []float64{1, 5, 10, 50, 100, 250, 500, 1000, 2500, 5000, 10000}
	work    = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1}
	trip    = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	age     = []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600}
	// Those of the semantic conventions.
	dbCalls    = []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10}
	queueCalls = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
)

// Metrics is the list of all metrics. Instruments are made from it and docs/telemetry.md is written from it, so what is
// not here does not exist.
func Metrics() []Metric {
	fetcher, masker, writer := []string{StageFetcher}, []string{StageMasker}, []string{StageWriter}
	clients, all := []string{StageFetcher, StageMasker}, []string{StageFetcher, StageMasker, StageWriter}
	directions := []string{AttrDirection}
	return []Metric{
		{Name: CounterReceived, Kind: Counter, Unit: "{record}", Stages: all, Help: "Records taken in. The fetcher counts deliveries of messages that are in flight already as repeated instead."},
		{Name: CounterRepeated, Kind: Counter, Unit: "{message}", Stages: fetcher, Help: "Deliveries of messages that were in flight already."},
		{Name: CounterBytes, Kind: Counter, Unit: "By", Stages: []string{StageFetcher, StageWriter}, Help: "Bytes taken in: bodies of messages in the fetcher, frames in the writer."},
		{Name: CounterForwarded, Kind: Counter, Unit: "{record}", Stages: clients, Help: "Records sent to the next stage, those sent again included."},
		{Name: CounterCommitted, Kind: Counter, Unit: "{record}", Stages: []string{StageFetcher, StageWriter}, Help: "Records whose row was committed."},
		{Name: CounterDuplicate, Kind: Counter, Unit: "{record}", Stages: []string{StageFetcher, StageWriter}, Help: "Records whose row was there already."},
		{Name: CounterSkipped, Kind: Counter, Unit: "{record}", Stages: clients, Help: "Records that the mapping leaves out."},
		{Name: CounterRejected, Kind: Counter, Unit: "{record}", Stages: all, Help: "Records that can never become a row."},
		{Name: CounterRetried, Kind: Counter, Unit: "{record}", Stages: all, Help: "Records that have to be sent, or written, again."},
		{Name: MetricRejections, Kind: Counter, Unit: "{message}", Stages: fetcher, Attributes: []string{AttrReason, AttrColumn}, Help: "Messages rejected, by reason and column."},
		{Name: MetricRedeliveries, Kind: Counter, Unit: "{message}", Stages: fetcher, Attributes: []string{AttrCause}, Help: "Messages that came again, by cause."},
		{Name: CounterDeadLettered, Kind: Counter, Unit: "{message}", Stages: fetcher, Help: "Messages copied to the dead-letter queue."},
		{Name: CounterDiscarded, Kind: Counter, Unit: "{message}", Stages: fetcher, Help: "Rejected messages dropped on the operator's demand."},
		{Name: CounterDeleted, Kind: Counter, Unit: "{message}", Stages: fetcher, Help: "Messages deleted from the queue."},
		{Name: CounterReleased, Kind: Counter, Unit: "{message}", Stages: fetcher, Help: "Messages given back to the queue."},
		{Name: CounterExtended, Kind: Counter, Unit: "{message}", Stages: fetcher, Help: "Visibility timeouts extended."},
		{Name: CounterGivenUp, Kind: Counter, Unit: "{message}", Stages: fetcher, Help: "Messages dropped from memory without being deleted or released: they come back by themselves."},
		{Name: CounterRequests, Kind: Counter, Unit: "{request}", Stages: fetcher, Help: "Requests to SQS of every kind: what it bills."},
		{Name: CounterTransactions, Kind: Counter, Unit: "{transaction}", Stages: writer, Help: "Transactions committed."},
		{Name: CounterPauses, Kind: Counter, Unit: "{pause}", Stages: writer, Help: "How often a connection stopped for trouble of the database that a person must mend."},
		{Name: CounterReconnects, Kind: Counter, Unit: "{connection}", Stages: all, Help: "Streams to the next stage, or in the writer connections to the database, that were opened again after the one before had ended."},

		{Name: GaugeReady, Kind: Gauge, Stages: all, Help: "1 while the stage may be sent work, or takes it, else 0."},
		{Name: GaugeInFlightRecords, Kind: Gauge, Unit: "{record}", Stages: all, Help: "Records taken and not finished."},
		{Name: GaugeInFlightBytes, Kind: Gauge, Unit: "By", Stages: all, Help: "Bytes held, as counted against the ceiling; in the fetcher with what running receives have reserved."},
		{Name: GaugeInFlightBytesLimit, Kind: Gauge, Unit: "By", Stages: all, Help: "The ceiling."},
		{Name: GaugeLag, Kind: Gauge, Unit: "s", Stages: all, Help: "Age of the oldest record in flight, from its first sending; 0 if there is none, and in the masker, which keeps no dates."},
		{Name: GaugeUptime, Kind: Gauge, Unit: "s", Stages: all, Help: "Time since the start of the process."},
		{Name: GaugeStreams, Kind: Gauge, Unit: "{stream}", Stages: all, Attributes: []string{AttrDirection, AttrState}, Help: "Streams, by direction and state."},
		{Name: GaugeCreditRecords, Kind: Gauge, Unit: "{record}", Stages: all, Attributes: directions, Help: "Credit granted and not spent, in records: downstream what this stage may still send, upstream what it may still be sent."},
		{Name: GaugeCreditBytes, Kind: Gauge, Unit: "By", Stages: all, Attributes: directions, Help: "The same in bytes."},

		{Name: MetricQueueMessages, Kind: Gauge, Unit: "{message}", Stages: fetcher, Attributes: []string{AttrState}, Help: "The queue's own approximate counts, read every 30 seconds."},
		{Name: MetricQueueAge, Kind: Histogram, Unit: "s", Stages: fetcher, Buckets: age, Help: "Age of the oldest message of a receive, from its sending to this queue."},
		{Name: MetricReceiveSize, Kind: Histogram, Unit: "{message}", Stages: fetcher, Buckets: upToTen, Help: "Messages in a receive that was not empty."},
		{Name: MetricFrameSize, Kind: Histogram, Unit: "{record}", Stages: clients, Buckets: records, Help: "Records in a frame sent to the next stage."},
		{Name: MetricFrameDuration, Kind: Histogram, Unit: "s", Stages: clients, Buckets: trip, Help: "Time from giving a frame to a stream to its verdicts: all that the stages after this one take."},
		{Name: MetricMaskDuration, Kind: Histogram, Unit: "s", Stages: masker, Buckets: work, Help: "Time to mask a frame, without the wait for a writer."},
		{Name: MetricTransactionSize, Kind: Histogram, Unit: "{row}", Stages: writer, Buckets: rows, Help: "Rows in a transaction that was committed, duplicates included."},
		{Name: MetricLatency, Kind: Histogram, Unit: "s", Stages: writer, Buckets: age, Help: "Time from the first sending of a frame's oldest message to the last verdict of the frame: from end to end."},

		{Name: MetricQueueCall, Kind: Histogram, Unit: "s", Stages: fetcher, Buckets: queueCalls, Attributes: []string{AttrMessagingSystem, AttrMessagingDestination, AttrMessagingOperationName, AttrMessagingOperationType, AttrErrorType}, Help: "Duration of calls to the queue. A receive waits for messages, up to MASKLINE_WAIT_TIME."},
		{Name: MetricStatement, Kind: Histogram, Unit: "s", Stages: writer, Buckets: dbCalls, Attributes: []string{AttrDBSystem, AttrDBNamespace, AttrDBCollection, AttrDBOperation, AttrDBStatus, AttrErrorType}, Help: "Duration of the two round trips of a transaction: INSERT, with its BEGIN, and COMMIT."},
		{Name: MetricConnections, Kind: UpDownCounter, Unit: "{connection}", Stages: writer, Attributes: []string{AttrDBPool, AttrDBConnectionState}, Help: "Connections that write, by state. The one that watches the catalog is not counted."},
		{Name: MetricConnectionsLimit, Kind: UpDownCounter, Unit: "{connection}", Stages: writer, Attributes: []string{AttrDBPool}, Help: "MASKLINE_CONNECTIONS."},
		{Name: MetricBuildInfo, Kind: Gauge, Attributes: []string{AttrServiceVersion, AttrRevision, AttrRuntimeVersion}, Help: "Always 1; its attributes say what is running."},
	}
}
