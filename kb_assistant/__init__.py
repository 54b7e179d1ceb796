"""A knowledge-base assistant for customer-service agents: search, cited drafts, decisions."""

__version__ = "0.1.0"
