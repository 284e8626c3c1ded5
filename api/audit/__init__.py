"""What was done to accounts, tokens and keys."""
