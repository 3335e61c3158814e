"""Ends with an error."""

import sys

from awsglue.utils import getResolvedOptions

arguments = getResolvedOptions(sys.argv, ["JOB_NAME", "output_bucket"])
raise ValueError(f"no orders in {arguments['output_bucket']}")
