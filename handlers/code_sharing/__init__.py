"""Code sharing."""
