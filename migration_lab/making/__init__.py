"""What makes notebooks from lessons, and what authors need. Only the command line imports it, when asked."""
