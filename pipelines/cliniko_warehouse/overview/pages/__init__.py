"""One module for each section of the overview: from figures to a page."""
