"""What the files of --extra-py-files provide, wherever they lie."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from glue_health_check.cloud.clients import Clients
from glue_health_check.cloud.job import Definition
from glue_health_check.cloud.names import split_uri
from glue_health_check.cloud.places import library_content
from glue_health_check.settings import JobSpec
from glue_health_check.static.imports import Provided, library_file

_MOST_BYTES = 250 * 1024 * 1024


def libraries_of(spec: JobSpec, made: Definition, aws: Clients | None) -> Provided:
    """What a job can import beside its Glue version and additional modules.

    Args:
        spec: names local files.
        made: the definition, with those of its base.
        aws: to look into files on S3; None leaves them unknown.

    Raises:
        MisuseError: a local file is not there.
    """
    provided = Provided()
    if spec.extra_py_files:
        for path in spec.extra_py_files:
            provided |= library_file(*library_content(path))
        return provided
    for uri in (one.strip() for one in made.all_arguments.get("--extra-py-files", "").split(",")):
        if uri:
            provided |= _on_s3(uri, aws)
    return provided


def _on_s3(uri: str, aws: Clients | None) -> Provided:
    if uri.endswith(".py"):
        return library_file(uri)
    if aws is None or "{" in uri:
        return Provided(unknown=(uri,))
    bucket, key = split_uri(uri)
    try:
        answer = aws.s3.get_object(Bucket=bucket, Key=key)
        if answer["ContentLength"] > _MOST_BYTES:
            return Provided(unknown=(uri,))
        return library_file(uri, answer["Body"].read())
    except (ClientError, BotoCoreError):
        # Whoever checks may not be allowed to read it; the job's role may.
        return Provided(unknown=(uri,))
