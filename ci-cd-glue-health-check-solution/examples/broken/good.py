"""Writes what is expected."""

import sys

import boto3
from awsglue.utils import getResolvedOptions

arguments = getResolvedOptions(sys.argv, ["JOB_NAME", "output_bucket"])
boto3.client("s3").put_object(
    Bucket=arguments["output_bucket"], Key="orders/part-0.csv", Body=b"order_id,amount\nO1,9.50\n"
)
