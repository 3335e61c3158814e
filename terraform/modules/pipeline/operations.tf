# What the modules of operation get that is neither a name nor a variable: topics.
locals {
  topics = { for key, topic in {
    alerts        = { display_name = "${local.prefix} data" }
    notifications = { display_name = "${local.prefix} jobs" }
    performance   = { display_name = "${local.prefix} performance and cost", publishers = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com", "costalerts.amazonaws.com"] }
    system_health = { display_name = "${local.prefix} health" }
  } : key => merge({ name = local.topic_names[key], publishers = ["cloudwatch.amazonaws.com"] }, topic) }
}
