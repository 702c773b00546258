"""LeNet-5 [@lecun1998gradient]: the network of the paper, its optimiser, and the experiments that test its claims."""
