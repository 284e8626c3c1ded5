"""What `bench watch` polls, and what it makes of what it saw."""
