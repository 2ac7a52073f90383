"""Wheels of this project's modules."""
