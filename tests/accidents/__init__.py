"""Learners who do things in any order, at any moment: `python -m tests.accidents --lesson 02 --sessions 20`.

A session is a kernel in which cells of a lesson run mostly in their order, and sometimes not; now and then somebody
presses Stop, restarts or kills the kernel, kills the server, or spoils a file. What may never happen: an error that
comes from inside the course without a sentence, a cell that does not end, and a learner who cannot go on.
"""
