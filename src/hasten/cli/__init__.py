"""The command line: the only part of hasten that prints, and that imports click and rich."""
