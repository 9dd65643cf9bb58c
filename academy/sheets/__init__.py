"""Answer sheets: designed, printed, read back, checked and graded.

One layout (`academy.sheets.layout`) is what the maker prints, the reader measures and the key
grades; nothing else knows where a bubble is.
"""
