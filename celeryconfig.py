"""Celery's settings. Everything that names a queue is read from :mod:`tasks.queues`."""

from kombu import Queue

from tasks import queues

_rows = queues.table()

# The broker. Our transport, predefined queues (no ListQueues, no CreateQueue), boto's credentials.
broker_url = "sqs://"
broker_transport = "tasks.transport:Transport"
broker_transport_options = queues.transport_options()
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_pool_limit = 4

# Queues and routes. An unknown queue is an error, never a new queue.
task_queues = [Queue(row.name, routing_key=row.name) for row in _rows]
task_default_queue = _rows[0].name
task_create_missing_queues = False
task_routes = queues.routes()

# Messages: thin JSON. The row is the result, so Celery keeps none.
accept_content = ["json"]
task_serializer = "json"
result_serializer = "json"
result_accept_content = ["json"]
task_ignore_result = True
task_store_errors_even_if_ignored = False
task_compression = None
task_protocol = 2
enable_utc = True
timezone = "UTC"

# Acknowledge after the work; a lost child's message goes back and, in the end, to the DLQ.
task_acks_late = True
task_reject_on_worker_lost = True
task_acks_on_failure = False
task_acks_on_timeout = False
worker_prefetch_multiplier = 1
worker_enable_prefetch_count_reduction = False
worker_cancel_long_running_tasks_on_connection_loss = False
worker_disable_rate_limits = True

# Remote control needs fanout, which SQS does not have. Events go to a queue: tasks.events.
worker_enable_remote_control = False
worker_send_task_events = True
task_send_sent_event = False

# Our consumer: what must not run is rejected (and so reaches the DLQ), never acknowledged.
worker_consumer = "tasks.worker.consumer:Consumer"
worker_hijack_root_logger = False
worker_redirect_stdouts = False
worker_proc_alive_timeout = 30.0
