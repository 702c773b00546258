"""What each paper built, in PyTorch, and the experiments that test its claims."""
