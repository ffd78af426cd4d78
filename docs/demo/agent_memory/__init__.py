"""Remembers what an agent was told, and asks a model with it."""
