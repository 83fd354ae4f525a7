"""Composition: settings, the application, the command line, jobs, logs and the databases."""
