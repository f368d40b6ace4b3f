"""What is done with the sources: runs, publishing, the command line."""
