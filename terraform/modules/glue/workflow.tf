# The workflow: the first job by its start trigger, every other one when the job before it ended.
locals {
  # Every stage takes its work from the ledger, so one failing dataset must not hold back the others:
  # the next job starts however the one before it ended.
  end_states = ["SUCCEEDED", "FAILED", "TIMEOUT"]

  first_job  = one([for key, job in var.jobs : key if job.type == "batch" && job.after == null])
  later_jobs = { for key, job in var.jobs : key => job if job.after != null }
}

resource "aws_glue_workflow" "this" {
  name                = var.workflow_name
  description         = "Ingestion, processing and quality of ${var.name_prefix}"
  max_concurrent_runs = 1
}

# An on-demand trigger starts by itself when it is created, unless it is created disabled. It can be
# started by hand, and by StartWorkflowRun, all the same. A scheduled one must be enabled to fire.
resource "aws_glue_trigger" "start" {
  name          = "${var.name_prefix}-start"
  description   = "Starts the workflow ${var.schedule == null ? "on demand" : "on schedule and on demand"}"
  workflow_name = aws_glue_workflow.this.name
  type          = var.schedule == null ? "ON_DEMAND" : "SCHEDULED"
  schedule      = var.schedule
  enabled       = var.schedule != null

  actions {
    job_name = aws_glue_job.this[local.first_job].name
  }

  # A start trigger has no predicate; the local cloud's emulator reports an empty one.
  lifecycle {
    ignore_changes = [predicate]
  }
}

resource "aws_glue_trigger" "after" {
  for_each = local.later_jobs

  name          = "${var.name_prefix}-start-${replace(each.key, "_", "-")}"
  description   = "Starts ${each.key} when ${each.value.after} has ended"
  workflow_name = aws_glue_workflow.this.name
  type          = "CONDITIONAL"
  enabled       = true

  actions {
    job_name = aws_glue_job.this[each.key].name
  }

  predicate {
    logical = "ANY"

    dynamic "conditions" {
      for_each = local.end_states

      content {
        job_name = aws_glue_job.this[each.value.after].name
        state    = conditions.value
      }
    }
  }
}

# Maintenance is a run of its own beside the workflow: it takes longer than a batch may wait, and no other job
# has to follow it. While the workflow runs the same job, Glue refuses it, and the next time is the next on schedule.
resource "aws_glue_trigger" "maintenance" {
  count = var.maintenance_schedule == null ? 0 : 1

  name        = "${var.name_prefix}-maintenance"
  description = "Compacts and cleans the tables on schedule"
  type        = "SCHEDULED"
  schedule    = var.maintenance_schedule
  enabled     = true

  actions {
    job_name  = aws_glue_job.this[var.maintenance_job].name
    arguments = { "--maintain" = "true" }
  }

  # As with the start trigger.
  lifecycle {
    ignore_changes = [predicate]
  }
}
