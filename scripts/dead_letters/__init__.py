"""What lies in the dead-letter queues, and how it goes back."""
