"""Devices found on a network and taken on: what the API and the command line both do."""
