"""A deployment as Terraform makes it, put together in moto's in-process AWS: each kind of part in good health."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

Client = Callable[[str], Any]
QUEUE = "arn:aws:sqs:us-east-1:123456789012:events"
EXPECTED = {
    "point_in_time_recovery": True,
    "deletion_protection": True,
    "log_retention_days": 30,
    "enabled_triggers": ["after"],
    "vital_alarms": ["job-failed"],
}
CLOSED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)


def make_parts(client: Client) -> dict[str, dict[str, str]]:
    """Make one of each kind; what Terraform's output ``parts`` would say of them."""
    parts = {
        "buckets": make_buckets(client),
        "tables": make_tables(client),
        "keys": {"data": make_key(client)},
        "secrets": {"pii": client("secretsmanager").create_secret(Name="pii", SecretString="a" * 32)["ARN"]},
        "topics": {"alerts": make_topic(client)},
        **make_queues(client),
        "rules": make_rules(client),
        "lambdas": make_lambdas(client),
        "event_sources": make_event_sources(client),
        **make_glue(client),
        **make_operations(client),
    }
    return parts


def make_buckets(client: Client) -> dict[str, str]:
    s3, names = client("s3"), {"raw": "raw", "scripts": "scripts", "access_logs": "access-logs"}
    for key, name in names.items():
        s3.create_bucket(Bucket=name)
        algorithm = "AES256" if key == "access_logs" else "aws:kms"
        rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}]
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=CLOSED)
    s3.put_object(Bucket="scripts", Key="jobs/data_ingestion.py", Body=b"")
    s3.put_object(Bucket="scripts", Key="config/datasets/orders.json", Body=b"{}")
    return names


def make_tables(client: Client) -> dict[str, str]:
    dynamodb, names = client("dynamodb"), {"job_state": "state"}
    for name in names.values():
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            DeletionProtectionEnabled=True,
            KeySchema=[{"AttributeName": "entity", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("entity", "id")],
        )
        recovery = {"PointInTimeRecoveryEnabled": True}
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    return names


def make_key(client: Client) -> str:
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    client("kms").enable_key_rotation(KeyId=key)
    return str(key)


def make_topic(client: Client) -> str:
    topic = client("sns").create_topic(Name="alerts")["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)
    return str(topic)


def make_queues(client: Client) -> dict[str, dict[str, str]]:
    sqs = client("sqs")
    dead = sqs.create_queue(QueueName="events-dlq")["QueueUrl"]
    redrive = '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:events-dlq", "maxReceiveCount": 3}'
    queue = sqs.create_queue(QueueName="events", Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    return {"queues": {"data_events": queue}, "dead_letter_queues": {"data_events": dead}}


def make_rules(client: Client) -> dict[str, str]:
    client("events").put_rule(Name="arrivals", EventPattern='{"source": ["aws.s3"]}', State="ENABLED")
    client("events").put_targets(Rule="arrivals", Targets=[{"Id": "queue", "Arn": QUEUE}])
    return {"data_events": "arrivals"}


def make_lambdas(client: Client) -> dict[str, str]:
    role = client("iam").create_role(RoleName="trigger", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "")
    client("lambda").create_function(
        FunctionName="trigger",
        Runtime="python3.12",
        Role=role,
        Handler="handler.handler",
        Code={"ZipFile": code.getvalue()},
    )
    return {"data_trigger": "trigger"}


def make_event_sources(client: Client) -> dict[str, str]:
    mapping = client("lambda").create_event_source_mapping(FunctionName="trigger", EventSourceArn=QUEUE)
    return {"data_events": mapping["UUID"]}


def make_glue(client: Client) -> dict[str, dict[str, str]]:
    glue = client("glue")
    glue.create_database(DatabaseInput={"Name": "catalog"})
    command = {"Name": "glueetl", "ScriptLocation": "s3://scripts/jobs/data_ingestion.py"}
    glue.create_job(Name="ingestion", Role="role", Command=command)
    glue.create_workflow(Name="workflow")
    actions, predicate = [{"JobName": "ingestion"}], {"Logical": "ANY", "Conditions": []}
    glue.create_trigger(Name="start", Type="ON_DEMAND", Actions=actions)
    glue.create_trigger(Name="after", Type="CONDITIONAL", Actions=actions, Predicate=predicate, StartOnCreation=True)
    glue.create_crawler(Name="crawler", Role="role", Targets={})
    connection = {"Name": "network", "ConnectionType": "NETWORK", "ConnectionProperties": {}}
    glue.create_connection(ConnectionInput=connection)
    return {
        "databases": {"catalog": "catalog"},
        "jobs": {"data_ingestion": "ingestion"},
        "workflows": {"etl": "workflow"},
        "triggers": {"start": "start", "after": "after"},
        "crawlers": {"raw": "crawler"},
        "connections": {"network": "network"},
        "contracts": {"orders": "config/datasets/orders.json"},
    }


def make_operations(client: Client) -> dict[str, dict[str, str]]:
    cloudwatch = client("cloudwatch")
    alarms = {"job-failed": "p-job-failed", "job-slow": "p-job-slow"}
    for name in alarms.values():
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName="JobFailures",
            Namespace="Tests",
            Period=60,
            Statistic="Sum",
            Threshold=1,
        )
    cloudwatch.put_dashboard(DashboardName="operations", DashboardBody='{"widgets": []}')
    client("logs").create_log_group(logGroupName="/logs", kmsKeyId="arn:aws:kms:us-east-1:123456789012:key/k")
    client("logs").put_retention_policy(logGroupName="/logs", retentionInDays=30)
    client("athena").create_work_group(Name="queries", Configuration={})
    client("kinesis").create_stream(StreamName="records", ShardCount=1)
    client("kinesis").start_stream_encryption(StreamName="records", EncryptionType="KMS", KeyId="alias/k")
    destination = {"RoleARN": "arn:aws:iam::123456789012:role/r", "BucketARN": "arn:aws:s3:::raw"}
    client("firehose").create_delivery_stream(
        DeliveryStreamName="delivery", ExtendedS3DestinationConfiguration=destination
    )
    return {
        "alarms": alarms,
        "dashboards": {"operations": "operations"},
        "log_groups": {"jobs": "/logs"},
        "workgroups": {"athena": "queries"},
        "streams": {"records": "records"},
        "delivery_streams": {"raw": "delivery"},
    }
