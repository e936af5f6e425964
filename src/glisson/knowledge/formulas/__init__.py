"""The arithmetic of scores, one module a subject. Every module here is imported by itself; numbers come from the score
records.
"""
