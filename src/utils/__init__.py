"""What a job needs of the Glue runtime."""
