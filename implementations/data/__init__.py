"""The data sets: where they come from, how they are found and checked, and how they are read and distorted."""
