"""The operations, one router a file."""
