mock_provider "aws" {
  mock_resource "aws_kinesis_stream" {
    defaults = { arn = "arn:aws:kinesis:us-east-1:123456789012:stream/demo-test-records" }
  }
}

variables {
  stream_name          = "demo-test-records"
  delivery_stream_name = "demo-test-raw"
  role_arn             = "arn:aws:iam::123456789012:role/demo-test-streaming"
  raw_bucket_arn       = "arn:aws:s3:::demo-raw"
  kms_key_arn          = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  log_group_name       = "/aws/kinesisfirehose/demo-test-raw"
  incoming_prefix      = "data/incoming/"
}

run "records_come_encrypted_to_where_the_pipeline_looks_for_files" {
  command = plan

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this[0].extended_s3_configuration[0].prefix == "data/incoming/!{partitionKeyFromQuery:dataset}/!{timestamp:yyyy/MM/dd}/"
    error_message = "Files must lie by dataset and day in the incoming folder."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this[0].extended_s3_configuration[0].error_output_prefix == "data/undelivered/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"
    error_message = "What can't be delivered must be kept outside the incoming folder."
  }

  assert {
    condition     = [for processor in aws_kinesis_firehose_delivery_stream.this[0].extended_s3_configuration[0].processing_configuration[0].processors : processor.type] == ["MetadataExtraction", "AppendDelimiterToRecord"]
    error_message = "The dataset must be taken from the record, and every record get a line of its own."
  }

  assert {
    condition     = aws_kinesis_stream.this.encryption_type == "KMS" && aws_kinesis_stream.this.kms_key_id == var.kms_key_arn && aws_kinesis_firehose_delivery_stream.this[0].extended_s3_configuration[0].kms_key_arn == var.kms_key_arn
    error_message = "Stream and files must be encrypted with the pipeline's key."
  }

  assert {
    condition     = aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "ON_DEMAND" && aws_kinesis_stream.this.shard_count == null
    error_message = "By default nobody must have to count shards."
  }
}

run "query_and_shards_can_be_asked_for" {
  command = plan

  variables {
    dataset_query = ".meta.table"
    shard_count   = 2
  }

  assert {
    condition     = contains([for parameter in aws_kinesis_firehose_delivery_stream.this[0].extended_s3_configuration[0].processing_configuration[0].processors[0].parameters : parameter.parameter_value], "{dataset:.meta.table}")
    error_message = "The query must be the one that was asked for."
  }

  assert {
    condition     = aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "PROVISIONED" && aws_kinesis_stream.this.shard_count == 2
    error_message = "The stream must have the shards that were asked for."
  }
}

run "values_out_of_range_are_refused" {
  command = plan

  variables {
    errors_prefix     = "data/incoming/errors/"
    shard_count       = 0.5
    retention_hours   = 1
    buffering_seconds = 3600
    buffering_mb      = 5
    dataset_query     = "dataset"
  }

  expect_failures = [var.errors_prefix, var.shard_count, var.retention_hours, var.buffering_seconds, var.buffering_mb, var.dataset_query]
}

run "an_incoming_folder_without_its_slash_is_refused" {
  command = plan

  variables {
    incoming_prefix = "data/incoming"
  }

  expect_failures = [var.incoming_prefix]
}

run "a_stream_for_a_job_alone_has_no_delivery" {
  command = plan

  variables {
    enable_delivery = false
    role_arn        = null
    log_group_name  = null
  }

  assert {
    condition     = length(aws_kinesis_firehose_delivery_stream.this) == 0 && output.delivery_stream_name == null && output.stream_name == "demo-test-records"
    error_message = "Only the stream must be made."
  }
}

run "delivery_without_a_role_is_refused" {
  command = plan

  variables {
    role_arn = null
  }

  expect_failures = [var.role_arn]
}
