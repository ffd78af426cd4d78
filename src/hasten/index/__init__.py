"""Whole-program facts: built per file with the standard `ast`, queried across files, never changed."""
