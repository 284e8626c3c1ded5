"""Backtest: another site document tried on what was recorded, with no side effect."""
