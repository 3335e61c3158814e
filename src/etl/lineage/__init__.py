"""What a run read, did and wrote: steps with their rows and seconds, and OpenLineage events."""
