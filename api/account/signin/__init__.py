"""Sign in: with a password, elsewhere, by a link; and the sessions that begin so."""
