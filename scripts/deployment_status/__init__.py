"""What check_deployment_status.py is made of: where an environment is, one small check per kind of part, the report."""
