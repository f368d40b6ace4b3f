"""The week in one page: figures, charts, and how it is sent."""
