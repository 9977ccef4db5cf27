"""The pages of the default host."""
