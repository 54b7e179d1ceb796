"""Chunks → a searchable, versioned index, and its live generation."""
