"""hasten rewrites Python codebases so that they run faster, and shows why each rewrite is right."""

__version__ = "0.1.0"
