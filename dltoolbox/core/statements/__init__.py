"""What the statement that called the toolbox does with a value: assigns in a copy, unpacks a result."""
