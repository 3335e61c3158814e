# Records of streams become files in the raw bucket, and enter by the same door as all others: Kinesis keeps them,
# Firehose puts them by dataset and day where the pipeline looks for files. A record that names no dataset is kept
# beside them, with its reason. Without delivery the stream is there for a streaming job alone.
resource "aws_kinesis_stream" "this" {
  name             = var.stream_name
  retention_period = var.retention_hours
  shard_count      = var.shard_count
  encryption_type  = "KMS"
  kms_key_id       = var.kms_key_arn

  stream_mode_details {
    stream_mode = var.shard_count == null ? "ON_DEMAND" : "PROVISIONED"
  }
}

resource "aws_cloudwatch_log_stream" "delivery" {
  count = var.enable_delivery ? 1 : 0

  name           = "delivery"
  log_group_name = var.log_group_name
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  count = var.enable_delivery ? 1 : 0

  #checkov:skip=CKV_AWS_240:Firehose has no encryption of its own when it reads a Kinesis stream; that stream is encrypted.
  #checkov:skip=CKV_AWS_241:As above; the stream is encrypted with the pipeline's key.
  name        = var.delivery_stream_name
  destination = "extended_s3"

  kinesis_source_configuration {
    kinesis_stream_arn = aws_kinesis_stream.this.arn
    role_arn           = var.role_arn
  }

  extended_s3_configuration {
    role_arn            = var.role_arn
    bucket_arn          = var.raw_bucket_arn
    kms_key_arn         = var.kms_key_arn
    prefix              = "${var.incoming_prefix}!{partitionKeyFromQuery:dataset}/!{timestamp:yyyy/MM/dd}/"
    error_output_prefix = "${var.errors_prefix}!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"
    custom_time_zone    = "UTC"
    buffering_interval  = var.buffering_seconds
    buffering_size      = var.buffering_mb
    compression_format  = "GZIP"
    file_extension      = ".json.gz"

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = var.log_group_name
      log_stream_name = aws_cloudwatch_log_stream.delivery[0].name
    }

    dynamic_partitioning_configuration {
      enabled        = true
      retry_duration = 300
    }

    processing_configuration {
      enabled = true

      processors {
        type = "MetadataExtraction"

        parameters {
          parameter_name  = "JsonParsingEngine"
          parameter_value = "JQ-1.6"
        }

        parameters {
          parameter_name  = "MetadataExtractionQuery"
          parameter_value = "{dataset:${var.dataset_query}}"
        }
      }

      # One record a line: JSON lines are what ingestion reads.
      processors {
        type = "AppendDelimiterToRecord"
      }
    }
  }
}
