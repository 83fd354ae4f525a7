"""Recorded histories of readers' requests and their answers, and the checkers that judge them
(docs/proof.md)."""
