"""What an environment costs in a month: prices, Terraform's values, a model of the work, and pages made of them."""
