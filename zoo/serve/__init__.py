"""Serves exported networks by TensorFlow Serving's API: `zoo serve`."""
