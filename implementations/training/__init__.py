"""What all papers' experiments share: devices, random numbers, and runs that can be interrupted and resumed."""
