"""Service tokens: what programs show."""
