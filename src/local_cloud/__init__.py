"""The laptop's AWS: an emulator for most services, and a Glue endpoint that really runs jobs and workflows."""
