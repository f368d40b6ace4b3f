"""A warehouse of Cliniko accounts: runs, publishing, marts, the command line."""
