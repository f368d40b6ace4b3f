"""What pages are made of: cards, panels, tables, and how they are written."""
