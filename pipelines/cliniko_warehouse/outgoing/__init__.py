"""What leaves this machine: messages to addresses of the user's own."""
