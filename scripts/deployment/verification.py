"""Whether what Terraform made is there and ready, asked of AWS itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.exceptions import ClientError
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

_PATIENCE_SECONDS = 60.0


def faults_of(outputs: dict[str, Any], region: str, patience: float = _PATIENCE_SECONDS) -> list[str]:
    """What is missing or not ready, one sentence each; none when all is well.

    Args:
        outputs: Terraform's.
        region: where everything is.
        patience: seconds to wait for what is still becoming ready.
    """
    waiting = Retrying(
        stop=stop_after_delay(patience),
        wait=wait_fixed(3),
        retry=retry_if_result(bool),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else [],
    )
    found: list[str] = waiting(lambda: list(_faults(outputs, region)))
    return found


def _faults(outputs: dict[str, Any], region: str) -> Iterator[str]:
    glue, functions = boto3.client("glue", region_name=region), boto3.client("lambda", region_name=region)
    tables, s3 = boto3.client("dynamodb", region_name=region), boto3.client("s3", region_name=region)
    for name in outputs["job_names"].values():
        yield from _fault(f"job {name}", lambda name=name: glue.get_job(JobName=name) and None)
    yield from _fault("the workflow", lambda: glue.get_workflow(Name=outputs["workflow_name"]) and None)
    for name in outputs["lambda_names"].values():
        yield from _fault(
            f"Lambda {name}",
            lambda name=name: _not("Active", functions.get_function_configuration(FunctionName=name).get("State")),
        )
    for name in outputs["table_names"].values():
        yield from _fault(
            f"table {name}",
            lambda name=name: _not("ACTIVE", tables.describe_table(TableName=name)["Table"]["TableStatus"]),
        )
    for name in outputs["bucket_names"].values():
        yield from _fault(f"bucket {name}", lambda name=name: s3.head_bucket(Bucket=name) and None)


def _fault(what: str, look: Callable[[], str | None]) -> Iterator[str]:
    try:
        state = look()
    except ClientError as error:
        state = f"can't be found ({error.response['Error']['Code']})"
    if state:
        yield f"{what} {state}"


def _not(wanted: str, state: str | None) -> str | None:
    return None if state == wanted else f"is {state}"
