"""Models: where their files come from, on what they run, and the text encoder.

Handlers and what they call import this; models, services and views never do, because the API's
image has neither torch nor numpy.
"""
