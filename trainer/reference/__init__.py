"""What the training data looked like: the reference that drift is measured against."""
