"""Files behind records: fetched where they are asked for, kept by their content."""
