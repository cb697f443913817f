"""What authors need besides the build: answers to exercises, and how they are given."""
