"""The codemods that come with hasten: one module each, found by walking this package."""
