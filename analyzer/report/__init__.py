"""The Diagnosis as something to read."""
