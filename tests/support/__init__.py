"""What several rooms of the tests need."""
