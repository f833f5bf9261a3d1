"""What is known of a network without data: sizes, costs, problems, and how that prints."""
