"""What is called how wherever figures are shown: figures, practices, and differences."""
