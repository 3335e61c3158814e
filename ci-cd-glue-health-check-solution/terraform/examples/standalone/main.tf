# Health checks by Lambdas in an account of their own, or on a local cloud.
module "glue_health_check" {
  source = "../../glue_health_check"

  name_prefix             = var.name_prefix
  work_bucket_name        = var.work_bucket_name
  create_work_bucket      = var.create_work_bucket
  force_destroy           = var.local_cloud
  build_dir               = var.build_dir
  enable_layer            = !var.local_cloud # the local cloud's Python has the compiled packages
  webhook                 = var.webhook
  github_api_url          = var.github_api_url
  github_token_secret_arn = var.github_token_secret_arn
  base_job_names          = var.base_job_names
  passable_role_arns      = var.passable_role_arns
  guarded_buckets         = var.guarded_buckets
  alarm_topic_arns        = var.alarm_topic_arns
}
