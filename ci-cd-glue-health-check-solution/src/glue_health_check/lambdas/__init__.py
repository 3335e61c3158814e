"""Health checks that Lambdas make: webhook, trigger, monitor and cleanup (docs/lambda.md), and how to ask for one."""
