"""Songs made of songs: continued, repainted, varied, mixed. Each prepares what ``workshop`` makes."""
