"""`ai.speech_segments`: where somebody speaks in a recording, and where its chapters may begin."""
