"""What an analyst opens: a first look, the clinic overview, and what they are made of."""
