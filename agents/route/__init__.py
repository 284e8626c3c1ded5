"""Route: an alert's life, and who is told of it when."""
