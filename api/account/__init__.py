"""Who asks, and what they may: accounts, sessions, service tokens, and ways to sign in."""
