"""The demonstration that ``make run`` shows: broker, server and detectors as the installed commands, and what happens.

The story (``story.json``) says what is sent and which alerts must come. All that is shown as a result was observed: in
the server's journal and by a reader of the alert topic.
"""
