"""Floors as files: tables, our JSON, and the layouts of another system."""
