"""Questions, judgement, help and memory."""
