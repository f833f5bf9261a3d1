"""How the statement that called the toolbox uses a value: assigns in a copy, unpacks a result."""
