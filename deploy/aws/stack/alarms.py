"""What people are told of, by mail: one topic, and the alarms that write to it.

A number that is missing is no reason for an alarm, but for two: the relay's own heartbeat, whose
silence means that nothing is published and nothing is scaled, and the load balancer's view of the
API. Everything finer is in deploy/alerts.yaml, for whoever runs Prometheus.
"""

from __future__ import annotations

from typing import Any, Final

from deploy.aws.stack import pools
from deploy.aws.stack.cfn import Json, attribute, camel, choose, named, ref, resource
from deploy.aws.stack.messages import letters_id
from tasks import queues

TOPIC: Final = "AlarmTopic"
#: The access log's lines that end in a status of 5xx, such as ``GET /api/v1/jobs 503``.
_FAILED_REQUESTS: Final = '{ ($.logger = "academy.access") && ($.event = %\\s5[0-9][0-9]$%) }'
#: Seconds that a job may wait before somebody should know: a host that starts first needs minutes.
_WAITS: Final[dict[str, int]] = {
    "video": 3600,
    "ai-lite": 900,
    "ai-basic": 1800,
    "ai-premium": 3600,
    "messaging": 300,
}


def resources() -> Json:
    """The topic, who reads it, and every alarm."""
    made: Json = {
        TOPIC: resource(
            "AWS::SNS::Topic", {"TopicName": named("alarms"), "DisplayName": "academy"}
        ),
        "AlarmMail": resource(
            "AWS::SNS::Subscription",
            {"TopicArn": ref(TOPIC), "Protocol": "email", "Endpoint": ref("AlarmEmail")},
            condition="HasMail",
        ),
        "AlarmTopicPolicy": resource(
            "AWS::SNS::TopicPolicy",
            {
                "Topics": [ref(TOPIC)],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "AlarmsOfThisAccount",
                            "Effect": "Allow",
                            "Principal": {"Service": "cloudwatch.amazonaws.com"},
                            "Action": "sns:Publish",
                            "Resource": ref(TOPIC),
                            "Condition": {
                                "StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}
                            },
                        }
                    ],
                },
            },
        ),
    }
    for queue in queues.table({}):
        made |= _of_queue(queue)
    return made | _of_relay() | _of_api() | _of_database() | _of_money()


def _alarm(
    name: str, what: str, measured: Json, *, condition: str | None = None, **rule: Any
) -> Json:
    """An alarm that writes when it rings and when it is over."""
    return resource(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": named(name),
            "AlarmDescription": what,
            **measured,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "missing",
            **rule,
            "AlarmActions": [ref(TOPIC)],
            "OKActions": [ref(TOPIC)],
        },
        condition=condition,
    )


def _plain(
    namespace: str | Json, name: str, statistic: str, period: int, **dimensions: str | Json
) -> Json:
    return {
        "Namespace": namespace,
        "MetricName": name,
        "Statistic": statistic,
        "Period": period,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }


def _of_queue(queue: queues.Queue) -> Json:
    key = camel(queue.name)
    runbook = "deploy/runbooks"
    idle = [pools.metric("Backlog", queue.name, "waiting")]
    idle += [pools.metric("Workers", queue.name, "workers")]
    idle += [pools.metric("BacklogPerWorker", queue.name, "startable")]
    expression = "IF(workers < 1 AND startable >= 1 AND waiting >= 1, 1, 0)"
    return {
        f"{key}WaitsAlarm": _alarm(
            f"{queue.name}-waits",
            f"The oldest job of {queue.name} waits too long for a worker. "
            f"{runbook}/jobs-waiting.md",
            # SQS's own age counts messages that are being worked on, for hours with a lecture.
            _plain(pools.NAMESPACE, "OldestSeconds", "Maximum", 60, Queue=queue.name),
            Threshold=_WAITS[queue.name],
            EvaluationPeriods=5,
        ),
        f"{key}LettersAlarm": _letters(queue, runbook),
        f"{key}NoWorkersAlarm": _alarm(
            f"{queue.name}-no-workers",
            f"Jobs of {queue.name} wait and no worker has come. {runbook}/no-workers.md",
            {
                "Metrics": [
                    {
                        "Id": "stands",
                        "Label": "Jobs wait, and no worker",
                        "Expression": expression,
                        "ReturnData": True,
                    },
                    *idle,
                ]
            },
            Threshold=0,
            EvaluationPeriods=15,
            DatapointsToAlarm=13,
        ),
    }


def _letters(queue: queues.Queue, runbook: str) -> Json:
    return _alarm(
        f"{queue.name}-dead-letters",
        f"Messages lie in the dead-letter queue of {queue.name}: a relay would have taken them. "
        f"{runbook}/dead-letters-open.md",
        _plain(
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            "Maximum",
            60,
            QueueName=attribute(letters_id(queue), "QueueName"),
        ),
        Threshold=0,
        EvaluationPeriods=1,
        TreatMissingData="notBreaching",
    )


def _of_relay() -> Json:
    return {
        "LettersOpenAlarm": _alarm(
            "letters-open",
            "Dead letters wait for a person in the console. deploy/runbooks/dead-letters-open.md",
            _plain(pools.NAMESPACE, "LettersOpen", "Maximum", 60),
            Threshold=0,
            EvaluationPeriods=5,
        ),
        "RelaySilentAlarm": _alarm(
            "relay-silent",
            "The relay does not publish the backlog of every queue: jobs may stand still, and no "
            "pool grows. deploy/runbooks/relay-down.md",
            _plain(pools.NAMESPACE, "Published", "Maximum", 60),
            ComparisonOperator="LessThanThreshold",
            Threshold=len(queues.table({})),
            EvaluationPeriods=5,
            TreatMissingData=choose("IsRunning", "breaching", "notBreaching"),
        ),
    }


def _of_api() -> Json:
    made = {
        "ApiErrorsFilter": resource(
            "AWS::Logs::MetricFilter",
            {
                "LogGroupName": ref("ApiLog"),
                "FilterPattern": _FAILED_REQUESTS,
                "MetricTransformations": [
                    {
                        "MetricNamespace": pools.NAMESPACE,
                        "MetricName": "ApiErrors",
                        "MetricValue": "1",
                        "DefaultValue": 0,
                    }
                ],
            },
        ),
        "ApiErrorsAlarm": _alarm(
            "api-errors",
            "The API answers with errors (5xx in its access log). deploy/runbooks/api-errors.md",
            _plain(pools.NAMESPACE, "ApiErrors", "Sum", 300),
            Threshold=10,
            EvaluationPeriods=1,
            TreatMissingData="notBreaching",
        ),
    }
    balancer = attribute("Balancer", "LoadBalancerFullName")
    return made | {
        "BalancerErrorsAlarm": _alarm(
            "balancer-errors",
            "The load balancer itself answers with 5xx: no API task takes its requests. "
            "deploy/runbooks/api-down.md",
            _plain(
                "AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "Sum", 60, LoadBalancer=balancer
            ),
            condition="HasBalancer",
            Threshold=5,
            EvaluationPeriods=3,
            TreatMissingData="notBreaching",
        ),
        "ApiUnhealthyAlarm": _alarm(
            "api-unhealthy",
            "Fewer than two API tasks are well. deploy/runbooks/api-down.md",
            _plain(
                *("AWS/ApplicationELB", "HealthyHostCount", "Minimum", 60),
                LoadBalancer=balancer,
                TargetGroup=attribute("ApiTargets", "TargetGroupFullName"),
            ),
            condition="HasBalancer",
            ComparisonOperator="LessThanThreshold",
            Threshold=2,
            EvaluationPeriods=5,
            TreatMissingData=choose("IsRunning", "breaching", "notBreaching"),
        ),
    }


def _of_database() -> Json:
    made = {}
    for name, what, measured, statistic, rule in (
        ("cpu", "The database computes at its limit", "CPUUtilization", "Average",
         {"Threshold": 80, "EvaluationPeriods": 3}),
        ("storage", "The database has less than 4 GiB of disk left", "FreeStorageSpace", "Minimum",
         {"Threshold": 4 << 30, "EvaluationPeriods": 1,
          "ComparisonOperator": "LessThanThreshold"}),
        ("memory", "The database has less than 64 MiB of memory left", "FreeableMemory", "Minimum",
         {"Threshold": 64 << 20, "EvaluationPeriods": 3,
          "ComparisonOperator": "LessThanThreshold"}),
        ("connections", "The database's connections are nearly used up", "DatabaseConnections",
         "Maximum", {"Threshold": _size_of_connections(), "EvaluationPeriods": 1}),
    ):  # fmt: skip
        made[f"Database{name.capitalize()}Alarm"] = _alarm(
            f"database-{name}",
            f"{what}. deploy/runbooks/database-connections.md",
            _plain(
                *("AWS/RDS", measured, statistic, 300), DBInstanceIdentifier=ref("DatabaseInstance")
            ),
            **rule,
        )
    return made


def _size_of_connections() -> Json:
    return {"Fn::FindInMap": ["Sizes", ref("Size"), "DatabaseConnections"]}


def _of_money() -> Json:
    """A mail when the month threatens to become dearer than said: computers left on are dear."""
    subscriber = {"SubscriptionType": "EMAIL", "Address": ref("AlarmEmail")}
    return {
        "Budget": resource(
            "AWS::Budgets::Budget",
            {
                "Budget": {
                    "BudgetName": named("month"),
                    "BudgetType": "COST",
                    "TimeUnit": "MONTHLY",
                    "BudgetLimit": {"Amount": ref("MonthlyBudget"), "Unit": "USD"},
                },
                "NotificationsWithSubscribers": [
                    {
                        "Notification": {
                            "NotificationType": kind,
                            "ComparisonOperator": "GREATER_THAN",
                            "Threshold": threshold,
                            "ThresholdType": "PERCENTAGE",
                        },
                        "Subscribers": [subscriber],
                    }
                    for kind, threshold in (("ACTUAL", 80), ("FORECASTED", 100))
                ],
            },
            condition="HasBudget",
        )
    }
