"""Hits → a checked draft: text, figures, check, composer, triage."""
