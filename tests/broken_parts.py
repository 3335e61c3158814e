"""Ways to break a deployment in moto, and what check_deployment_status.sh is to say of each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from tests.moto_deployment import CLOSED

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from deployment_status.findings import Verdict
from deployment_status.questions import Clients

Break = Callable[[Clients, dict[str, dict[str, str]]], Any]
# What is done to the deployment; the part that shows it, with which verdict and words.
BROKEN: dict[str, tuple[Break, str, str, Verdict, str]] = {
    "bucket without KMS": (
        lambda c, p: c("s3").put_bucket_encryption(
            Bucket="raw",
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
        ),
        "buckets", "raw", Verdict.BAD, "not encrypted with a KMS key",
    ),
    "bucket without encryption": (
        lambda c, p: c("s3").delete_bucket_encryption(Bucket="raw"),
        "buckets", "raw", Verdict.BAD, "is not encrypted",
    ),
    "bucket without versions": (
        lambda c, p: c("s3").put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Suspended"}),
        "buckets", "raw", Verdict.BAD, "keeps no versions",
    ),
    "bucket that lets policies through": (
        lambda c, p: c("s3").put_public_access_block(
            Bucket="raw", PublicAccessBlockConfiguration={**CLOSED, "BlockPublicPolicy": False}
        ),
        "buckets", "raw", Verdict.BAD, "does not block public access",
    ),
    "bucket with no block at all": (
        lambda c, p: c("s3").delete_public_access_block(Bucket="raw"),
        "buckets", "raw", Verdict.BAD, "does not block public access",
    ),
    "no bucket": (
        lambda c, p: c("s3").delete_bucket(Bucket="raw"),
        "buckets", "raw", Verdict.MISSING, "is not there",
    ),
    "table without recovery": (
        lambda c, p: c("dynamodb").update_continuous_backups(
            TableName="state", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
        ),
        "tables", "job_state", Verdict.BAD, "no point-in-time recovery",
    ),
    "table that may be deleted": (
        lambda c, p: c("dynamodb").update_table(TableName="state", DeletionProtectionEnabled=False),
        "tables", "job_state", Verdict.BAD, "may be deleted",
    ),
    "disabled key": (
        lambda c, p: c("kms").disable_key(KeyId=p["keys"]["data"].rpartition("/")[2]),
        "keys", "data", Verdict.BAD, "is Disabled",
    ),
    "key to be deleted": (
        lambda c, p: c("kms").schedule_key_deletion(KeyId=p["keys"]["data"].rpartition("/")[2]),
        "keys", "data", Verdict.BAD, "its data would be lost",
    ),
    "key that does not rotate": (
        lambda c, p: c("kms").disable_key_rotation(KeyId=p["keys"]["data"]),
        "keys", "data", Verdict.WARN, "does not rotate",
    ),
    "deleted secret": (
        lambda c, p: c("secretsmanager").delete_secret(SecretId="pii"),
        "secrets", "pii", Verdict.BAD, "was deleted",
    ),
    "no topic": (
        lambda c, p: c("sns").delete_topic(TopicArn=p["topics"]["alerts"]),
        "topics", "alerts", Verdict.MISSING, "is not there",
    ),
    "no queue": (
        lambda c, p: c("sqs").delete_queue(QueueUrl=p["queues"]["data_events"]),
        "queues", "data_events", Verdict.MISSING, "is not there",
    ),
    "old message": (
        lambda c, p: (
            # moto would hand it to the Lambda.
            c("lambda").update_event_source_mapping(UUID=p["event_sources"]["data_events"], Enabled=False),
            c("sqs").send_message(QueueUrl=p["queues"]["data_events"], MessageBody="a"),
            measure(c, "AWS/SQS", "ApproximateAgeOfOldestMessage", 7200, QueueName="events"),
        ),
        "queues", "data_events", Verdict.WARN, "has waited for 2.0 h",
    ),
    "dead letter": (
        lambda c, p: c("sqs").send_message(QueueUrl=p["dead_letter_queues"]["data_events"], MessageBody="a"),
        "dead_letter_queues", "data_events", Verdict.BAD, "1 message(s) were tried in vain",
    ),
    "disabled rule": (
        lambda c, p: c("events").disable_rule(Name="arrivals"),
        "rules", "data_events", Verdict.BAD, "is DISABLED",
    ),
    "rule without a target": (
        lambda c, p: c("events").remove_targets(Rule="arrivals", Ids=["queue"]),
        "rules", "data_events", Verdict.BAD, "sends events nowhere",
    ),
    "Lambda with errors": (
        lambda c, p: measure(c, "AWS/Lambda", "Errors", 3, FunctionName="trigger"),
        "lambdas", "data_trigger", Verdict.WARN, "3 error(s) in 24 h",
    ),
    "no Lambda": (
        lambda c, p: c("lambda").delete_function(FunctionName="trigger"),
        "lambdas", "data_trigger", Verdict.MISSING, "is not there",
    ),
    "disabled event source": (
        lambda c, p: c("lambda").update_event_source_mapping(UUID=p["event_sources"]["data_events"], Enabled=False),
        "event_sources", "data_events", Verdict.BAD, "is Disabled",
    ),
    "no database": (
        lambda c, p: c("glue").delete_database(Name="catalog"),
        "databases", "catalog", Verdict.MISSING, "is not there",
    ),
    "no contract": (
        lambda c, p: c("s3").delete_object(Bucket="scripts", Key="config/datasets/orders.json"),
        "contracts", "orders", Verdict.MISSING, "is not there",
    ),
    "job without its script": (
        lambda c, p: c("s3").delete_object(Bucket="scripts", Key="jobs/data_ingestion.py"),
        "jobs", "data_ingestion", Verdict.BAD, "data_ingestion.py is missing",
    ),
    "no workflow": (
        lambda c, p: c("glue").delete_workflow(Name="workflow"),
        "workflows", "etl", Verdict.MISSING, "is not there",
    ),
    "stopped trigger": (
        lambda c, p: c("glue").stop_trigger(Name="after"),
        "triggers", "after", Verdict.BAD, "is DEACTIVATED: it starts nothing",
    ),
    "no crawler": (
        lambda c, p: c("glue").delete_crawler(Name="crawler"),
        "crawlers", "raw", Verdict.MISSING, "is not there",
    ),
    "no connection": (
        lambda c, p: p["connections"].update(network="gone"),
        "connections", "network", Verdict.MISSING, "is not there",
    ),
    "vital alarm": (
        lambda c, p: c("cloudwatch").set_alarm_state(AlarmName="p-job-failed", StateValue="ALARM", StateReason="x"),
        "alarms", "job-failed", Verdict.BAD, "is raised",
    ),
    "alarm that is not vital": (
        lambda c, p: c("cloudwatch").set_alarm_state(AlarmName="p-job-slow", StateValue="ALARM", StateReason="x"),
        "alarms", "job-slow", Verdict.WARN, "is raised",
    ),
    "alarm that tells nobody": (
        lambda c, p: c("cloudwatch").disable_alarm_actions(AlarmNames=["p-job-slow"]),
        "alarms", "job-slow", Verdict.BAD, "tells nobody",
    ),
    "no alarm": (
        lambda c, p: c("cloudwatch").delete_alarms(AlarmNames=["p-job-slow"]),
        "alarms", "job-slow", Verdict.MISSING, "is not there",
    ),
    "log group that keeps for ever": (
        lambda c, p: c("logs").delete_retention_policy(logGroupName="/logs"),
        "log_groups", "jobs", Verdict.WARN, "keeps lines for ever instead of 30",
    ),
    "no log group": (
        lambda c, p: c("logs").delete_log_group(logGroupName="/logs"),
        "log_groups", "jobs", Verdict.MISSING, "is not there",
    ),
    "no dashboard": (
        lambda c, p: c("cloudwatch").delete_dashboards(DashboardNames=["operations"]),
        "dashboards", "operations", Verdict.MISSING, "is not there",
    ),
    "stream without encryption": (
        lambda c, p: c("kinesis").stop_stream_encryption(
            StreamName="records", EncryptionType="KMS", KeyId="alias/k"
        ),
        "streams", "records", Verdict.BAD, "is not encrypted",
    ),
    "no delivery": (
        lambda c, p: c("firehose").delete_delivery_stream(DeliveryStreamName="delivery"),
        "delivery_streams", "raw", Verdict.MISSING, "is not there",
    ),
}  # fmt: skip


def measure(clients: Clients, namespace: str, name: str, value: float, **dimensions: str) -> None:
    """Write a metric that CloudWatch would have by itself."""
    pairs = [{"Name": key, "Value": text} for key, text in dimensions.items()]
    at = datetime.now(timezone.utc) - timedelta(minutes=1)
    data = [{"MetricName": name, "Value": value, "Dimensions": pairs, "Timestamp": at}]
    clients("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)
