"""Amazon's files: what a file is, its lines in one shape, what each line means, and the store of settlements."""
