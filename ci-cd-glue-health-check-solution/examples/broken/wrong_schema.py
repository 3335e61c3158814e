"""Writes amounts that are none, and no order_id."""

import sys

import boto3
from awsglue.utils import getResolvedOptions

arguments = getResolvedOptions(sys.argv, ["JOB_NAME", "output_bucket"])
boto3.client("s3").put_object(
    Bucket=arguments["output_bucket"], Key="orders/part-0.csv", Body=b"order,amount\nO1,much\n"
)
