"""Web push: to one subscription, or to those of people who asked for it."""
