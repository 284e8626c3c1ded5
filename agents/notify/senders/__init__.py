"""The senders: a module a kind of channel."""
