# The SNS topics, who may publish to them, and who hears of it.
locals {
  subscriptions = merge(
    { for pair in setproduct(keys(var.topics), var.alert_emails) : join(" ", pair) => {
      topic    = pair[0]
      protocol = "email"
      endpoint = pair[1]
      raw      = false
    } },
    var.subscriptions,
  )
}

resource "aws_sns_topic" "this" {
  for_each = var.topics

  name              = each.value.name
  display_name      = each.value.display_name
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_policy" "this" {
  for_each = aws_sns_topic.this

  arn = each.value.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for services in [var.topics[each.key].publishers] : {
        Sid       = "ServicesPublish"
        Effect    = "Allow"
        Principal = { Service = services }
        Action    = "sns:Publish"
        Resource  = each.value.arn
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      } if length(services) > 0],
      [{
        Sid       = "DenyPlainHttp"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "sns:Publish"
        Resource  = each.value.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
    )
  })
}

resource "aws_sns_topic_subscription" "this" {
  for_each = local.subscriptions

  topic_arn            = aws_sns_topic.this[each.value.topic].arn
  protocol             = each.value.protocol
  endpoint             = each.value.endpoint
  raw_message_delivery = contains(["https", "sqs"], each.value.protocol) ? each.value.raw : null
}
