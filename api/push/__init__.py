"""Browsers on which somebody is told, by web push."""
