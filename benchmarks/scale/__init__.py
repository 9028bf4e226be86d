"""What benchmarks of the operator stand on: many trainings on a real API server, each in the middle of a round."""
