"""What deploy.py is made of: steps with progress, Terraform, the sample, the workflow, the summary."""
