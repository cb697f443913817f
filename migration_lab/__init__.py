"""The toolkit of the course: workspaces, databases, instruments, checks. See docs/architecture.md for its floors."""
