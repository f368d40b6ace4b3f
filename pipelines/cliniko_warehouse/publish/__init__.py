"""From the loaded warehouse to what readers open: atomic, verified, described."""
