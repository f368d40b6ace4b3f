"""Settings: which names count, and the TOML files that hold them."""
