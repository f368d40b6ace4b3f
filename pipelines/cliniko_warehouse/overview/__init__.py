"""The clinic overview: pages of the published night's figures, with the rows behind each."""
