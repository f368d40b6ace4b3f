"""The catalogue as JSON, text, data dictionary and diagrams."""
