"""The HTTP server: one router a file, problem details, limits; it sees jobs, never a model."""
