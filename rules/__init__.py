"""The rule documents, shipped with the package."""
