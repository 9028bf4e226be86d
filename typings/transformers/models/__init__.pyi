# Empty, so that pyright does not follow the wildcard imports of all models. See the package's __init__.pyi.
