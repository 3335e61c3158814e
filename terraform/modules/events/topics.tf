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

data "aws_iam_policy_document" "topic" {
  for_each = var.topics

  dynamic "statement" {
    for_each = length(each.value.publishers) == 0 ? [] : [1]

    content {
      sid       = "ServicesPublish"
      actions   = ["sns:Publish"]
      resources = [aws_sns_topic.this[each.key].arn]

      principals {
        type        = "Service"
        identifiers = each.value.publishers
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.current.account_id]
      }
    }
  }

  statement {
    sid       = "DenyPlainHttp"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this[each.key].arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  for_each = var.topics

  arn    = aws_sns_topic.this[each.key].arn
  policy = data.aws_iam_policy_document.topic[each.key].json
}

resource "aws_sns_topic_subscription" "this" {
  for_each = local.subscriptions

  topic_arn            = aws_sns_topic.this[each.value.topic].arn
  protocol             = each.value.protocol
  endpoint             = each.value.endpoint
  raw_message_delivery = contains(["https", "sqs"], each.value.protocol) ? each.value.raw : null
}
