"""Couinaud segments from shape: data, training, export and evaluation."""
