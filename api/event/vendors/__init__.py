"""What cameras and recorders send by themselves, as messages of one kind."""
