"""The stream runtime: the only place that decodes, catches, counts, dead-letters and emits."""
