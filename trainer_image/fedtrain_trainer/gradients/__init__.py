"""How the gradient of an optimizer step is computed: one file per variant behind `estimator.GradientEstimator`."""
