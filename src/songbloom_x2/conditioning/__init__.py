"""What stands in front of the sketch: lyrics rows, style prompt rows; and the embedded model's alignment."""
