"""Frames in; detections, tracks and events out. The core here is pure: no Kafka, no clock."""
