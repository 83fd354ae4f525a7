"""Fault reports."""
