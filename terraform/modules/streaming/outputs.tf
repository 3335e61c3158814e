output "delivery_stream_name" {
  description = "Name of the Firehose stream; null without delivery."
  value       = one(aws_kinesis_firehose_delivery_stream.this[*].name)
}

output "errors_prefix" {
  description = "Key prefix of records that could not be delivered."
  value       = var.errors_prefix
}

output "stream_arn" {
  description = "ARN of the Kinesis stream."
  value       = aws_kinesis_stream.this.arn
}

output "stream_name" {
  description = "Name of the Kinesis stream that producers write to."
  value       = aws_kinesis_stream.this.name
}
